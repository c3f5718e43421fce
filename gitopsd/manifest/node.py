"""A YAML document as a tree whose every node knows its place, so that every error can name line and column."""

from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place, Problem

Value = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf. `hidden`: its value comes from a secret origin. `quoted`: written in quotes, so a string for certain."""

    value: Value
    place: Place
    hidden: bool = False
    quoted: bool = False
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence. `tag` is `!reset`, `!override` or ""."""

    items: tuple["Node", ...]
    place: Place
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping in the order of the file; `keys` has the place of each key."""

    fields: Mapping[str, "Node"]
    keys: Mapping[str, Place]
    place: Place
    tag: str = ""


Node = Scalar | Items | Fields


class Problems:
    """Collects what is wrong, so that a file's errors are told all at once. The one mutable thing in this room.

    `swarm`: a swarm is to carry the files out, so other things are wrong than on a plain engine.
    """

    def __init__(self, *, swarm: bool = False) -> None:
        self.swarm = swarm
        self.found: list[Problem] = []
        self.warnings: list[Problem] = []

    def add(self, place: Place, path: str, message: str) -> None:
        """`message` says what is wrong and how to mend it: `expected HOST:CONTAINER, got '80:'; write ...`."""
        self.found.append(Problem(place, path, message))

    def warn(self, place: Place, path: str, message: str) -> None:
        """Something that is ignored, or is other than it looks; shown, but no error."""
        self.warnings.append(Problem(place, path, message))


def size(node: Node) -> int:
    """How many values it holds, itself among them; long text counts as one more each 100 characters."""
    match node:
        case Scalar(value=str(value)):
            return 1 + len(value) // 100
        case Items(items=items):
            return 1 + sum(map(size, items))
        case Fields(fields=fields):
            return 1 + sum(map(size, fields.values()))
        case _:
            return 1


def plain(node: Node) -> Json:
    """The value without places."""
    match node:
        case Scalar(value=value):
            return value
        case Items(items=items):
            return [plain(item) for item in items]
        case Fields(fields=fields):
            return {key: plain(field) for key, field in fields.items()}
