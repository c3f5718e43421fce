"""Addresses of repositories and names of revisions: which ones are let near a Git command, and by which transport."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from gitopsd.model.errors import SourceError

Protocol = Literal["https", "http", "ssh", "git", "file"]

_PROTOCOLS: tuple[Protocol, ...] = ("https", "http", "ssh", "git", "file")
_LONGEST_NAME = 255
# What `git check-ref-format` refuses.
_NOT_IN_A_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[/.]$|^[/.]|^@$")
_SCP_LIKE = re.compile(r"(?:[^/@:]+@)?(?P<host>\[[^/\]]+\]|[^/@:]+):(?!:)(?P<path>.*)")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is. `url` is what Git is given; `path` is set for one on this machine."""

    url: str
    protocol: Protocol
    path: Path | None = None


def address(url: str) -> Address:
    """The address that a URL, `user@host:path` or a local path means. SourceError: it is none, or not a safe one."""
    if not url or not url.isprintable():
        raise SourceError(f"{_shown(url)} is no repository: it is empty or holds control characters; write it anew")
    if url.startswith("-"):
        raise SourceError(f"{_shown(url)} is no repository: it looks like an option; write the path with ./ in front")
    if re.match(r"[A-Za-z0-9+.-]*::", url):
        raise SourceError(f"{_shown(url)}: remote helpers run programs and are refused; use https, ssh or a path")
    if "://" in url:
        return _of_url(url)
    if scp := _SCP_LIKE.fullmatch(url):
        return _of_ssh(url, scp["host"], scp["path"])
    path = Path(url).expanduser().absolute()
    return Address(str(path), "file", path)


def checked_name(name: str, what: str) -> str:
    """A branch's or tag's name as it is, when Git could have such a one. SourceError otherwise."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or _NOT_IN_A_NAME.search(name):
        raise SourceError(f"{_shown(name)} cannot be the name of a {what}; see `git help check-ref-format`")
    return name


def is_commit_id(text: str, shortest: int = 40) -> bool:
    """Whether text has the form of a commit id, SHA-1 or SHA-256, of at least `shortest` digits."""
    return shortest <= len(text) <= 64 and re.fullmatch(r"[0-9a-f]+", text) is not None


def _of_url(url: str) -> Address:
    protocol = next((known for known in _PROTOCOLS if url.startswith(f"{known}://")), None)
    if protocol is None:
        raise SourceError(f"{_shown(url)}: not a scheme that is fetched from; use https, ssh, git, file or a path")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SourceError(f"{_shown(url)} is no URL: {error}; write it as https://host:port/path") from error
    if protocol == "file":
        if parts.hostname or not parts.path:
            raise SourceError(f"{_shown(url)}: names no path; a file URL has three slashes, as in file:///srv/x.git")
        return Address(url, protocol, Path(unquote(parts.path)))
    if port == 0 or " " in url:
        raise SourceError(f"{_shown(url)} is no URL; a port is between 1 and 65535 and a space is written %20")
    _refuse_bad_authority(url, parts)
    return Address(url, protocol)


def _refuse_bad_authority(url: str, parts: SplitResult) -> None:
    if not parts.hostname or parts.hostname.startswith("-") or (parts.username or "").startswith("-"):
        raise SourceError(f"{_shown(url)}: names no host; write it as https://host/path")
    if parts.password is not None:
        raise SourceError(
            f"{_shown(url)}: a password in a URL shows in process lists; put it into a file and name that in "
            "credentials.password_file"
        )


def _of_ssh(url: str, host: str, path: str) -> Address:
    if url.startswith("-") or host.startswith("-") or path.startswith("-") or not path:
        raise SourceError(f"{_shown(url)}: not a repository that ssh could reach; write user@host:path")
    return Address(url, "ssh")


def _shown(text: str) -> str:
    hidden = re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", text)
    return ascii(hidden if len(hidden) <= 100 else hidden[:97] + "...")
