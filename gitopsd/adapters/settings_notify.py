"""Who is told of what: `notify` of gitopsd.yaml, `commit_status` of a repository, and `log`."""

import re
from collections.abc import Callable
from typing import TypeVar, get_args
from urllib.parse import unquote, urlsplit

from gitopsd.adapters import settings_sections as sections
from gitopsd.adapters.settings_values import Section, SectionReader, plain_text, suggestion, web_url
from gitopsd.manifest.node import Items, Node, Scalar
from gitopsd.model.event import Severity
from gitopsd.model.notice import KINDS, SEVERITIES
from gitopsd.model.receiver import (
    USUAL,
    AppriseUrl,
    CommitStatusSettings,
    Forge,
    Mail,
    Receiver,
    Security,
    Webhook,
)
from gitopsd.model.settings import LogFormat, LogSettings

FORGES: tuple[Forge, ...] = get_args(Forge)
SECURITIES: tuple[Security, ...] = get_args(Security)
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
PORTS = {"starttls": 587, "tls": 465, "none": 25}
HOSTED: dict[str, Forge] = {"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "gitea"}
_SERVER = re.compile(r"(\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[A-Za-z0-9.-]+))(:(?P<port>[0-9]{1,5}))?")
_SSH = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[^/].*)")
T = TypeVar("T", bound=str)
V = TypeVar("V")


def receivers(reader: SectionReader, top: Section) -> tuple[Receiver, ...]:
    """What is wrong goes to the reader's problems."""
    node = top.fields.get("notify")
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return ()
    if not isinstance(node, Items):
        message = "is not a list; write one such as [{url_file: /run/secrets/slack}]"
        reader.problems.add(node.place, "notify", message)
        return ()
    found: list[Receiver] = []
    for at, item in enumerate(node.items):
        receiver = _receiver(reader, item, f"notify[{at}]", {each.name for each in found})
        found += [receiver] if receiver is not None else []
    return tuple(found)


def _receiver(reader: SectionReader, node: Node, path: str, taken: set[str]) -> Receiver | None:
    section = reader.section(node, path, sections.RECEIVER)
    ways = [key for key in sections.WAYS if key in section.fields]
    if len(ways) != 1:
        message = "says nobody" if not ways else f"says {' and '.join(ways)}"
        reader.problems.add(section.place, path, f"{message}; write one of {', '.join(sections.WAYS)}")
        return None
    way = _way(reader, section, ways[0])
    usual = {"url_file": "apprise"}.get(ways[0], ways[0])
    name = reader.value(section, "name", plain_text, "")
    if name in taken:
        message = f"{name!a} is the name of another one; write another"
        reader.problems.add(section.fields["name"].place, section.path_of("name"), message)
    kinds = frozenset(_several(reader, section, "on", _one_of("transition", KINDS), tuple(USUAL)))
    least: Severity = "info"
    severity = reader.value(section, "severity", _one_of("severity", SEVERITIES), least)
    environments = _several(reader, section, "environments", plain_text, ("*",))
    return Receiver(name or _free(usual, taken), way, kinds, severity, environments) if way is not None else None


def _free(usual: str, taken: set[str]) -> str:
    names = (usual if number == 1 else f"{usual} {number}" for number in range(1, len(taken) + 2))
    return next(each for each in names if each not in taken)


def _way(reader: SectionReader, section: Section, key: str) -> AppriseUrl | Webhook | Mail | None:
    match key:
        case "webhook":
            return _webhook(reader, section)
        case "mail":
            return _mail(reader, section)
    file = reader.value(section, "url_file", reader.file, None)
    return AppriseUrl(file) if file is not None else None


def _webhook(reader: SectionReader, outer: Section) -> Webhook | None:
    section = reader.section(outer.fields["webhook"], outer.path_of("webhook"), sections.WEBHOOK)
    file = reader.value(section, "secret_file", reader.file, None)
    if "secret_file" not in section.fields:
        message = "has no secret_file; write the file with what signs all that is sent"
        reader.problems.add(section.place, section.path, message)
    if ("url" in section.fields) == ("url_file" in section.fields):
        message = "needs url, or url_file where the address is a secret too; write one of them"
        reader.problems.add(section.place, section.path, message)
    url = reader.value(section, "url", hook_url, "")
    url_file = reader.value(section, "url_file", reader.file, None)
    return Webhook(file, url, url_file) if file is not None else None


def _mail(reader: SectionReader, outer: Section) -> Mail | None:
    section = reader.section(outer.fields["mail"], outer.path_of("mail"), sections.MAIL)
    for key in ("server", "from", "to"):
        if key not in section.fields:
            reader.problems.add(section.place, section.path, f"has no {key}; write {_MAIL_MENDS[key]}")
    if ("username" in section.fields) != ("password_file" in section.fields):
        message = "username and password_file belong together; write both"
        reader.problems.add(section.place, section.path, message)
    usual: Security = "starttls"
    security = reader.value(section, "security", _one_of("security", SECURITIES), usual)
    if security == "none" and "password_file" in section.fields:
        message = "a password would be sent in the clear; write security: starttls or tls"
        reader.problems.add(section.fields["security"].place, section.path_of("security"), message)
    host, port = reader.value(section, "server", mail_server, ("", 0))
    to = _several(reader, section, "to", mail_address, ())
    return Mail(
        host,
        port or PORTS[security],
        reader.value(section, "from", mail_address, ""),
        to,
        security,
        reader.value(section, "username", plain_text, ""),
        reader.value(section, "password_file", reader.file, None),
    )


_MAIL_MENDS = {
    "server": "the one that takes mail, such as smtp.example.com:587",
    "from": "an address such as gitopsd@example.com",
    "to": "addresses such as [ada@example.com]",
}


def commit_status(reader: SectionReader, outer: Section, url: str) -> CommitStatusSettings | None:
    """Where a repository's forge is told; what is not written follows from the repository's address."""
    node = outer.fields.get("commit_status")
    if node is None:
        return None
    section = reader.section(node, outer.path_of("commit_status"), sections.COMMIT_STATUS)
    host, path = _host_and_path(url)
    forge = reader.value(section, "forge", _one_of("forge", FORGES), HOSTED.get(host))
    if forge is None and "forge" not in section.fields:
        message = f"has no forge, and {host or url!a} does not say which; write one of {', '.join(FORGES)}"
        reader.problems.add(section.place, section.path, message)
    token = reader.value(section, "token_file", reader.file, None)
    if "token_file" not in section.fields:
        reader.problems.add(section.place, section.path, "has no token_file; write the file with the forge's token")
    api = reader.value(section, "api", web_url, _api(forge, host, url))
    project = reader.value(section, "project", project_path, path)
    if forge is not None and not (api and project):
        message = f"{url!a} does not say where its forge is; write api and project"
        reader.problems.add(section.place, section.path, message)
    return CommitStatusSettings(forge, api, project, token) if forge is not None and token is not None else None


def log(reader: SectionReader, top: Section) -> LogSettings:
    """How the daemon's log is written."""
    section = reader.section(top.fields.get("log"), "log", sections.LOG)
    usual: LogFormat = "text"
    return LogSettings(reader.value(section, "format", _one_of("format", LOG_FORMATS), usual))


def _host_and_path(url: str) -> tuple[str, str]:
    """Of a repository's address; "" for one on disk."""
    short = _SSH.fullmatch(url) if "://" not in url else None
    if short is not None:
        return short["host"], short["path"].removesuffix(".git").strip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ssh"):
        return "", ""
    return parts.hostname or "", unquote(parts.path).removesuffix("/").removesuffix(".git").strip("/")


def _api(forge: Forge | None, host: str, url: str) -> str:
    parts = urlsplit(url)
    secure = parts.scheme != "http"
    port = f":{parts.port}" if parts.scheme in ("http", "https") and parts.port is not None else ""
    base = f"{'https' if secure else 'http'}://{host}{port}" if host else ""
    if not base or forge is None:
        return ""
    if host == "github.com":
        return "https://api.github.com"
    return base + {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}[forge]


def project_path(text: str) -> str:
    if not re.fullmatch(r"[\w.~-]+(/[\w.~-]+)*", text):
        raise ValueError(f"{text!a} is no name of a project; write one such as shop/environments")
    return text


def hook_url(text: str) -> str:
    """An address that something is sent to; what it holds is not repeated, as it may be a secret."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError("is no address; write one such as https://example.com/hooks/gitopsd")
    if "@" in parts.netloc:
        raise ValueError("a user or token in the URL would show; write the address into a file, and url_file")
    return text


def mail_server(text: str) -> tuple[str, int]:
    """Host and port; 0 for the usual one."""
    found = _SERVER.fullmatch(text)
    if found is None or not 0 <= int(found["port"] or 0) <= 65535:
        raise ValueError(f"{text!a} is no server; write one such as smtp.example.com:587")
    return found["six"] or found["host"], int(found["port"] or 0)


def mail_address(text: str) -> str:
    if not re.fullmatch(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+", text) or not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!a} is no mail address; write one such as ada@example.com")
    return text


def _one_of(what: str, known: tuple[T, ...]) -> Callable[[str], T]:
    def read(text: str) -> T:
        for each in known:
            if each == text:
                return each
        raise ValueError(f"{text!a} is no {what}; {suggestion(text, known)}")

    return read


def _several(
    reader: SectionReader, section: Section, key: str, read: Callable[[str], V], usual: tuple[V, ...]
) -> tuple[V, ...]:
    """A list, or one alone."""
    node = section.fields.get(key)
    if node is None:
        return usual
    if not isinstance(node, Items):
        one = reader.value(section, key, read, None)
        return (one,) if one is not None else usual
    if not node.items:
        reader.problems.add(node.place, section.path_of(key), "is empty; write at least one, or remove the key")
    listed = Section({str(at): item for at, item in enumerate(node.items)}, node.place, section.path_of(key))
    found = (reader.value(listed, each, read, None) for each in listed.fields)
    return tuple(each for each in found if each is not None)
