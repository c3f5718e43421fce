"""How the files that a service is given differ, line by line; of secret ones only their names are told elsewhere."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from gitopsd.model.desired import ContentFile, ContentMount, SealedService

MOST_LINES = 200
NO_FILE = "/dev/null"


@dataclass(frozen=True, slots=True)
class TextDifference:
    """One file by its path in the container, and a unified diff of it; of what is no text, only that it differs."""

    path: str
    lines: tuple[str, ...]


def text_differences(before: SealedService, after: SealedService) -> tuple[TextDifference, ...]:
    """Every file that was added, removed or changed, by path."""
    old, new = _files(before), _files(after)
    secret = _secret(before) | _secret(after)
    return tuple(
        TextDifference(path, tuple(_lines(path, old.get(path), new.get(path))))
        for path in sorted(old.keys() | new.keys())
        if path not in secret and _data(old.get(path)) != _data(new.get(path))
    )


def _files(sealed: SealedService) -> Mapping[str, ContentFile]:
    return {
        f"{mount.target}/{file.path}" if file.path else mount.target: file
        for mount in _mounts(sealed)
        for file in mount.content.files
    }


def _secret(sealed: SealedService) -> set[str]:
    return {
        f"{mount.target}/{file.path}" if file.path else mount.target
        for mount in _mounts(sealed)
        if mount.content.secret
        for file in mount.content.files
    }


def _mounts(sealed: SealedService) -> list[ContentMount]:
    return [mount for mount in sealed.service.mounts if isinstance(mount, ContentMount)]


def _data(file: ContentFile | None) -> bytes | None:
    return file.data if file is not None else None


def _lines(path: str, before: ContentFile | None, after: ContentFile | None) -> Iterator[str]:
    old, new = _text(before), _text(after)
    if old is None or new is None:
        yield "no text; it differs"
        return
    names = (f"a{path}" if before is not None else NO_FILE, f"b{path}" if after is not None else NO_FILE)
    lines = difflib.unified_diff(old, new, *names, lineterm="")
    yield from islice(lines, MOST_LINES)
    if next(lines, None) is not None:
        yield f"... more than {MOST_LINES} lines"


def _text(file: ContentFile | None) -> list[str] | None:
    if file is None:
        return []
    try:
        return file.data.decode().splitlines()
    except UnicodeDecodeError:
        return None
