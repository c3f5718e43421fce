"""`x-gitopsd.moved_from`: which environment this one was before its directory was renamed.

It is read ahead of everything else: what an environment is called by default, and where its host data lies, come from
the name that it began under.
"""

from contextlib import suppress
from dataclasses import dataclass

from gitopsd.manifest.choose import choose
from gitopsd.manifest.compose import EXTENSION
from gitopsd.manifest.node import Fields, Scalar
from gitopsd.manifest.source import Source, TooMuch
from gitopsd.model.errors import Place
from gitopsd.model.files import Files

KEY = "moved_from"


@dataclass(frozen=True, slots=True)
class Moved:
    """The earlier name, and where it is written."""

    name: str
    place: Place


def moved_from(files: Files, directory_or_file: str) -> Moved | None:
    """The earlier name that an environment's own files tell; None where they tell none, or not a name."""
    source = Source(files)
    with suppress(TooMuch):  # which loading tells
        choice = choose(source, directory_or_file, {})
        return told_move(source, choice.paths, choice.place) if choice is not None else None
    return None


def told_move(source: Source, paths: tuple[str, ...], place: Place) -> Moved | None:
    """As `moved_from`, of files that are chosen already; the last one that tells it counts, as everywhere."""
    found: Moved | None = None
    for path in paths:
        document = source.document(path, place, "")
        extension = document.fields.get(EXTENSION) if document is not None else None
        node = extension.fields.get(KEY) if isinstance(extension, Fields) else None
        if isinstance(node, Scalar) and isinstance(node.value, str) and _is_name(node.value):
            found = Moved(node.value, node.place)
    return found


def directory_name(name: str) -> None:
    """ValueError: it can be no environment's name."""
    if not _is_name(name):
        raise ValueError(name)


def _is_name(name: str) -> bool:
    return bool(name) and "/" not in name and name not in (".", "..") and name.isprintable()
