"""Takes checked values out of the mappings of gitopsd.yaml, and notes what is wrong with them, with place and mend."""

import difflib
import os.path
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar, get_args
from urllib.parse import urlsplit

from gitopsd.adapters.git.address import address, checked_name
from gitopsd.manifest.durations import duration, size
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.errors import Place, SourceError
from gitopsd.model.mode import Mode
from gitopsd.model.secret import SECRET_NAME_MEND, is_secret_name
from gitopsd.model.settings import Share, Size

SMALLEST_SPACE = 1 << 20
SHORTEST = timedelta(milliseconds=100)  # of an interval or timeout

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_REGISTRY = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
_ENGINE = re.compile(
    r"unix:///[^\s]+|ssh://(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][\w.-]*(?::[0-9]{1,5})?|"
    r"tcp://(?:[A-Za-z0-9][\w.-]*|\[[0-9a-fA-F:]+\]):[0-9]{1,5}"
)
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_MODES: tuple[Mode, ...] = get_args(Mode)
T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of the file, and where it stands."""

    fields: Mapping[str, Node]
    place: Place
    path: str

    def path_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


class SectionReader:
    """Reads sections, one error a place. `directory` is what relative paths mean."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.problems = Problems()

    def named(self, node: Node | None, path: str, check: Callable[[str], object]) -> Mapping[str, Node]:
        """The mapping at `path`, whose keys are names that somebody chose, as `check` wants them."""
        fields = self.mapping(node, path)
        for name, each in fields.items():
            try:
                check(name)
            except ValueError as error:
                place = node.keys[name] if isinstance(node, Fields) else each.place
                self.problems.add(place, f"{path}.{ascii(name)[1:-1]}", str(error))
        return fields

    def mapping(self, node: Node | None, path: str) -> Mapping[str, Node]:
        match node:
            case None | Scalar(value=None):
                return {}
            case Fields(fields=fields):
                return fields
        self.problems.add(node.place, path, "is not a mapping; write `key: value` lines below it")
        return {}

    def section(self, node: Node | None, path: str, known: Collection[str]) -> Section:
        """The mapping at `path`, after its unknown keys have been noted."""
        section = Section(self.mapping(node, path), node.place if node else Place(""), path)
        for key in section.fields.keys() - known:
            assert isinstance(node, Fields)
            message = f"unknown key; {suggestion(key, known)}"
            self.problems.add(node.keys.get(key, node.place), section.path_of(key), message)
        return section

    def value(self, section: Section, key: str, read: Callable[[str], T], default: D) -> T | D:
        """What `read` makes of the text at a key; the default when it is not there, or wrong, which is then noted."""
        node = section.fields.get(key)
        if node is None:
            return default
        path = section.path_of(key)
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            empty = isinstance(node, Scalar) and node.value is None
            message = "has no value; write one, or remove the key" if empty else "is not text; write it in quotes"
            self.problems.add(node.place, path, message)
            return default
        try:
            return read(node.value)
        except (ValueError, SourceError) as error:
            self.problems.add(node.place, path, str(error))
            return default

    def number(self, section: Section, key: str, read: Callable[[str], T], default: D) -> T | D:
        """As `value`, where the text may also be written as a plain number."""
        node = section.fields.get(key)
        if isinstance(node, Scalar) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            written = replace(node, value=str(node.value))
            return self.value(replace(section, fields={**section.fields, key: written}), key, read, default)
        return self.value(section, key, read, default)

    def file(self, text: str) -> Path:
        return Path(os.path.normpath(self.directory / Path(plain_text(text)).expanduser()))

    def url(self, text: str) -> str:
        """A repository's address; a relative path is made absolute."""
        if is_path(text):
            return str(self.file(text))
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and "@" in parts.netloc:
            raise ValueError("a user or token in the URL would show in logs; write credentials with a password_file")
        return text


def suggestion(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known) or 'none'}"


def plain_text(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("is empty, or holds control characters; write plain text")
    return text


def is_path(url: str) -> bool:
    """Whether a repository's address is a path as people type it. SourceError: it is no address at all."""
    return address(url).path is not None and "://" not in url


def _matching(pattern: re.Pattern[str], what: str, mend: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!a} is no {what}; {mend}")
        return text

    return read


valid_name = _matching(_NAME, "name", "write at most 63 letters, digits and _.- with a letter or digit first")
project_name = _matching(_PROJECT, "project name", "write a-z, 0-9 and _- with a letter or digit first")
engine_url = _matching(_ENGINE, "engine", "write unix:///PATH, ssh://USER@HOST or tcp://HOST:PORT")
registry_host = _matching(_REGISTRY, "registry", "write HOST or HOST:PORT")


def valid_secret_name(text: str) -> str:
    if not is_secret_name(text):
        raise ValueError(f"{text!a} is no name of a secret; {SECRET_NAME_MEND}")
    return text


def valid_mode(text: str) -> Mode:
    for mode in _MODES:
        if mode == text:
            return mode
    raise ValueError(f"{text!a} is no mode; {suggestion(text, _MODES)}")


def verify_mode(text: str) -> Literal["off", "head", "strict"]:
    match text:
        case "off" | "head" | "strict":
            return text
        case _:
            raise ValueError(f"{text!a} is no mode; {suggestion(text, ('off', 'head', 'strict'))}")


def router_mode(text: str) -> Literal["managed", "traefik", "none"]:
    match text:
        case "managed" | "traefik" | "none":
            return text
        case _:
            raise ValueError(f"{text!a} is no mode of a router; {suggestion(text, ('managed', 'traefik', 'none'))}")


def port_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 16:
        raise ValueError(f"{text!a} is no port; write one from 1 to 65535")
    return int(text)


def router_network(text: str) -> Literal["host", "bridge"]:
    match text:
        case "host" | "bridge":
            return text
        case _:
            raise ValueError(f"{text!a} is no network of a router; write host or bridge, or remove the key")


def web_url(text: str) -> str:
    """An address without a slash at its end, and without a login, which would show."""
    parts = urlsplit(plain_text(text))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!a} is no address; write one such as http://prometheus.example.com:9090")
    if "@" in parts.netloc:
        raise ValueError("a user or token in the URL would show in logs; write a token_file")
    return text.rstrip("/")


def branch_name(text: str) -> str:
    if text.startswith("-"):
        raise ValueError(f"{text!a} looks like an option and cannot be a branch; write the branch's name")
    return checked_name(text, "branch")


def time_span(text: str) -> timedelta:
    value = duration(text)
    if value < SHORTEST:
        raise ValueError(f"{text!r} is shorter than 100ms; write a longer time such as 30s")
    return value


def release_count(text: str) -> int:
    """How many releases: what serves is one of them."""
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 6 or int(text) < 1:
        raise ValueError(f"{text!r} is no number of releases; write 1 or more, such as 3")
    return int(text)


def event_count(text: str) -> int:
    """How many events: fewer than these do not tell what a release came to."""
    if not text.isascii() or not text.isdigit() or not 4 <= len(text) <= 9 or int(text) < 1000:
        raise ValueError(f"{text!r} is no number of events; write 1000 or more, such as 20000")
    return int(text)


def restart_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 6 or int(text) < 1:
        raise ValueError(f"{text!r} is no number of restarts; write 1 or more, such as 20")
    return int(text)


def free_space(text: str) -> Share | Size:
    """A part of a disk in percent, or a size in bytes; 0 asks for nothing."""
    if found := _PERCENT.fullmatch(text):
        if float(found[1]) >= 100:
            raise ValueError(f"{text!r} can never be free; write less than 100%, such as 10%")
        return Share(float(found[1]))
    try:
        found_size = size(text)
    except ValueError:
        raise ValueError(f"{text!r} is no part of a disk; write a share such as 10%, or a size such as 5gb") from None
    if 0 < found_size < SMALLEST_SPACE:
        raise ValueError(f"{text!r} is {found_size} bytes, which is nothing; write a share such as 10%, or 5gb")
    return Size(found_size)


def directory_within(text: str) -> str:
    """A directory of a repository: relative, within it, without a trailing slash; "." is its root."""
    path = posixpath.normpath(plain_text(text))
    if path == ".." or path.startswith(("/", "../")):
        raise ValueError(f"{text!r} leads out of the repository; write a path relative to its root")
    return path
