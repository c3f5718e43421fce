"""The file that names the gitopsd of a fleet: where each answers, what it is asked with, and which go first."""

from collections.abc import Mapping
from pathlib import Path

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.server import HttpServer
from gitopsd.adapters.settings_values import SectionReader, valid_name, web_url
from gitopsd.controller.server_port import Member, Server
from gitopsd.manifest.node import Items, Node, Scalar
from gitopsd.manifest.yaml import parse
from gitopsd.model.errors import ManifestError, Place, Problem, SettingsError

PATIENCE_S = 5.0  # with one that has to go first
_EXAMPLE = "servers: {web1: {url: https://web1.example.com}}"


def fleet(file: Path, timeout_s: float) -> tuple[Member, ...]:
    """In the order of the file. SettingsError names every place; no token is read before its server is asked."""
    return _read(file, timeout_s)[0]


def groups(file: Path) -> Mapping[str, tuple[Member, ...]]:
    """Those that go first together, by the name of their group."""
    return _read(file, PATIENCE_S)[1]


def _read(file: Path, timeout_s: float) -> tuple[tuple[Member, ...], Mapping[str, tuple[Member, ...]]]:
    try:
        document = parse(str(file), file.read_bytes())
    except ManifestError as error:
        raise SettingsError(error.problems) from None
    except OSError as error:
        raise SettingsError([Problem(Place(str(file)), "", f"cannot be read: {error.strerror}")]) from None
    reader = SectionReader(file.absolute().parent)
    top = reader.section(document, "", sections.SERVERS)
    common = reader.value(top, "token_file", reader.file, None)
    found: dict[str, Member] = {}
    for name, node in reader.named(top.fields.get("servers"), "servers", valid_name).items():
        section = reader.section(node, f"servers.{name}", sections.MEMBER)
        url = reader.value(section, "url", web_url, "")
        if "url" not in section.fields:
            reader.problems.add(section.place, section.path, "has no url; write one such as https://web1.example.com")
        token_file = reader.value(section, "token_file", reader.file, common)
        found[name] = _member(name, url, token_file, timeout_s)
    if not found and not reader.problems.found:
        reader.problems.add(Place(str(file)), "servers", f"names nobody; write {_EXAMPLE}")
    named = reader.named(top.fields.get("groups"), "groups", valid_name)
    grouped = {name: _group(reader, node, f"groups.{name}", found) for name, node in named.items()}
    if reader.problems.found:
        raise SettingsError(reader.problems.found)
    return tuple(found.values()), grouped


def _group(reader: SectionReader, node: Node, path: str, known: Mapping[str, Member]) -> tuple[Member, ...]:
    items = node.items if isinstance(node, Items) else ()
    names = [str(each.value) for each in items if isinstance(each, Scalar)]
    if not names or len(names) != len(items):
        reader.problems.add(node.place, path, "is no list of servers; write one such as [web1, web2]")
    for name in dict.fromkeys(names):
        if name not in known:
            reader.problems.add(node.place, path, f"{name} is none of the servers; name it under `servers` first")
    return tuple(known[name] for name in dict.fromkeys(names) if name in known)


def _member(name: str, url: str, token_file: Path | None, timeout_s: float) -> Member:
    def connect() -> Server:
        return HttpServer(url, token_file, timeout_s)

    return Member(name, url, connect)
