"""JSON Schemas of the files that an operator writes, from the tables that their readers know keys by."""

from gitopsd.adapters.settings_sections import SERVERS, TOP, Keys, section
from gitopsd.manifest.keys.json_schema import DEFINITIONS, Schema
from gitopsd.manifest.manifest_schema import DIALECT, manifest_schema


def schema_of_file(file: str) -> Schema:
    """Of a `manifest`, of `settings` or of `servers`."""
    return {"manifest": manifest_schema, "settings": settings_schema, "servers": servers_schema}[file]()


def settings_schema() -> Schema:
    """Of gitopsd.yaml."""
    return _file("The settings of gitopsd", TOP)


def servers_schema() -> Schema:
    """Of the file that names the gitopsd of a fleet."""
    return _file("The servers of a fleet, for `gitopsd fleet status` and `policy.servers_file`", SERVERS)


def _file(title: str, keys: Keys) -> Schema:
    return {"$schema": DIALECT, "title": title, **section(keys), "$defs": dict(DEFINITIONS)}
