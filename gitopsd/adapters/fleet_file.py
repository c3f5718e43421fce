"""The file that names the gitopsd of a fleet: where each answers, and what it is asked with."""

from pathlib import Path

from gitopsd.adapters.server import HttpServer
from gitopsd.adapters.settings_values import SectionReader, valid_name, web_url
from gitopsd.controller.server_port import Member, Server
from gitopsd.manifest.yaml import parse
from gitopsd.model.errors import ManifestError, Place, Problem, SettingsError

_EXAMPLE = "servers: {web1: {url: https://web1.example.com}}"


def fleet(file: Path, timeout_s: float) -> tuple[Member, ...]:
    """In the order of the file. SettingsError names every place; no token is read before its server is asked."""
    try:
        document = parse(str(file), file.read_bytes())
    except ManifestError as error:
        raise SettingsError(error.problems) from None
    except OSError as error:
        raise SettingsError([Problem(Place(str(file)), "", f"cannot be read: {error.strerror}")]) from None
    reader = SectionReader(file.absolute().parent)
    top = reader.section(document, "", ("servers", "token_file"))
    common = reader.value(top, "token_file", reader.file, None)
    found = []
    for name, node in reader.named(top.fields.get("servers"), "servers", valid_name).items():
        section = reader.section(node, f"servers.{name}", ("url", "token_file"))
        url = reader.value(section, "url", web_url, "")
        if "url" not in section.fields:
            reader.problems.add(section.place, section.path, "has no url; write one such as https://web1.example.com")
        token_file = reader.value(section, "token_file", reader.file, common)
        found.append(_member(name, url, token_file, timeout_s))
    if not found and not reader.problems.found:
        reader.problems.add(Place(str(file)), "servers", f"names nobody; write {_EXAMPLE}")
    if reader.problems.found:
        raise SettingsError(reader.problems.found)
    return tuple(found)


def _member(name: str, url: str, token_file: Path | None, timeout_s: float) -> Member:
    def connect() -> Server:
        return HttpServer(url, token_file, timeout_s)

    return Member(name, url, connect)
