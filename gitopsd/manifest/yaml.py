"""Reads a YAML document into nodes that know their places, and refuses what would harm before it is built.

The document is built straight from libyaml's stream of events: that parser keeps its state on the heap, so that depth
and the cost of aliases are known and capped before anything grows. Scalars are typed as Compose types them, except
dates, which stay text.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

import yaml

from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar, Value
from gitopsd.model.errors import ManifestError, Place, Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_PATH = 12  # steps of a path that an error shows
MAX_NODES = 100_000  # after aliases and merge keys are written out; long text counts as one more each 100 characters

MERGE = "<<"
_CORE = "tag:yaml.org,2002:"
_KEPT = ("!reset", "!override")
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]{1,16})|0[bB]([01]{1,64})|0[oO]?([0-7]{1,22})|([1-9][0-9]{0,19}|0))")
_BASES = (16, 2, 8, 10)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(file: str, data: bytes) -> Node:
    """The document's root; an empty document is a mapping without fields. ManifestError names every place."""
    text = _text(file, data)
    reader = _Reader(file, text)
    try:
        root = reader.document()
    except yaml.MarkedYAMLError as error:
        reader.problems.found.append(_syntax_problem(file, text, error))
        root = None
    except _Refused:
        root = None
    if root is None or reader.problems.found:
        raise ManifestError(reader.problems.found)
    return root


def text_of(value: Value) -> str:
    """A scalar where Compose wants text (`environment`, `labels`): `true`, `15`, `1e+06`; null is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return _float_text(value)
        case _:
            return str(value)


class _Refused(Exception):
    """Ends the reading of a document; what is wrong has been added to the problems."""


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for, and what writing it out costs. `node` None: still being read."""

    node: Node | None
    size: int = 0
    height: int = 0


class _Reader:
    """Turns events into nodes. `written` counts values, aliases written out; `deepest` is the depth reached."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.events = yaml.CSafeLoader(text)
        self.problems = Problems()
        self.path: list[str | int] = []
        self.anchors: dict[str, _Anchored] = {}
        self.written = 0
        self.deepest = 0

    def next(self) -> yaml.Event:
        event = self.events.get_event()
        assert event is not None, "the stream has ended"
        return event

    def document(self) -> Node:
        self.next()
        if self.events.check_event(yaml.StreamEndEvent):
            return Fields({}, {}, Place(self.file, 1, 1))
        self.next()
        root = self.node(self.next(), 1)
        self.next()
        following = self.next()
        if not isinstance(following, yaml.StreamEndEvent):
            self.wrong(following, "a second document begins; keep one document a file and name several files instead")
        return root

    def node(self, event: yaml.Event, depth: int) -> Node:
        self.spend(event, 1, depth)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        if not isinstance(event, yaml.NodeEvent) or (anchor := event.anchor) is None:
            return self.content(event, depth)
        before, outer = self.written, self.deepest
        self.anchors[anchor], self.deepest = _Anchored(None), depth
        node = self.content(event, depth)
        self.anchors[anchor] = _Anchored(node, self.written - before, self.deepest - depth)
        self.deepest = max(outer, self.deepest)
        return node

    def content(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, depth)
        assert isinstance(event, yaml.MappingStartEvent)
        return self.mapping(event, depth)

    def alias(self, event: yaml.AliasEvent, depth: int) -> Node:
        known = self.anchors.get(event.anchor or "")
        if known is None:
            raise self.refused(event, f"the alias *{event.anchor} has no anchor above it; define &{event.anchor}")
        if known.node is None:
            raise self.refused(event, f"the alias *{event.anchor} stands inside what it names; take it out of there")
        self.spend(event, known.size, depth + known.height)
        return known.node

    def spend(self, event: yaml.Event, nodes: int, depth: int) -> None:
        self.written += nodes
        self.deepest = max(self.deepest, depth)
        if depth > MAX_DEPTH:
            raise self.refused(event, f"nested deeper than {MAX_DEPTH} levels; flatten the document")
        if self.written > MAX_NODES:
            message = f"more than {MAX_NODES} values once aliases are written out; use fewer aliases, or several files"
            raise self.refused(event, message)

    def sequence(self, event: yaml.SequenceStartEvent, depth: int) -> Items:
        tag = self.collection_tag(event, "seq")
        items: list[Node] = []
        while not isinstance(following := self.next(), yaml.SequenceEndEvent):
            self.path.append(len(items))
            items.append(self.node(following, depth + 1))
            self.path.pop()
        return Items(tuple(items), self.place(event), tag)

    def mapping(self, event: yaml.MappingStartEvent, depth: int) -> Fields:
        tag = self.collection_tag(event, "map")
        fields: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Fields] | None = None
        while not isinstance(following := self.next(), yaml.MappingEndEvent):
            if _is_merge(following):
                if merged is not None:
                    self.wrong(following, "the merge key << is written twice; write one `<<: [*a, *b]`")
                merged = [*(merged or ()), *self.merge(depth)]
            else:
                self.field(following, depth, fields, keys)
        for source in merged or ():
            for key in source.fields.keys() - fields.keys():
                keys[key] = source.keys[key]
            fields.update({key: node for key, node in source.fields.items() if key not in fields})
        return Fields(fields, keys, self.place(event), tag)

    def field(self, event: yaml.Event, depth: int, fields: dict[str, Node], keys: dict[str, Place]) -> None:
        key = self.key(event, depth)
        if not isinstance(key, str):
            shown = "(a list or mapping)" if isinstance(key, Items | Fields) else text_of(key) or "null"
            self.wrong(event, f"the key {shown} is not text; write it in quotes")
        elif key in fields:
            self.wrong(event, f"the key {key!r} is already defined in line {keys[key].line}; keep one of the two", key)
        self.path.append(key if isinstance(key, str) else "?")
        value = self.node(self.next(), depth + 1)
        self.path.pop()
        if isinstance(key, str) and key not in fields:
            fields[key] = value
            keys[key] = self.place(event)

    def key(self, event: yaml.Event, depth: int) -> Value | Items | Fields:
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None:
            self.written += 1
            return event.value if event.style else resolve(event.value)
        node = self.node(event, depth + 1)
        return node.value if isinstance(node, Scalar) else node

    def merge(self, depth: int) -> list[Fields]:
        event = self.next()
        node = self.node(event, depth + 1)
        sources = node.items if isinstance(node, Items) else (node,)
        if not all(isinstance(source, Fields) for source in sources):
            self.wrong(event, "the merge key << takes a mapping or a list of mappings; write `<<: *name`")
        return [source for source in sources if isinstance(source, Fields)]

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text: str = event.value
        self.written += len(text) // 100
        tag: str | None = event.tag
        if tag == _CORE + "str":
            return Scalar(text, self.place(event), quoted=True)
        if tag is None or tag == "!" or tag in _KEPT:
            quoted = bool(event.style)
            kept = tag if tag in _KEPT else ""
            # What bears a tag that YAML does not know is text, also to Compose.
            value = text if quoted or kept else self.typed(event, text)
            return Scalar(value, self.place(event), quoted=quoted, tag=kept)
        return Scalar(self.forced(event, tag.removeprefix(_CORE), text), self.place(event))

    def typed(self, event: yaml.Event, text: str) -> Value:
        if text[:1] in ".+-" and _NOT_FINITE.fullmatch(text):
            self.wrong(event, f"{text} is no number that a manifest can hold; write it in quotes if text is meant")
        return resolve(text)

    def forced(self, event: yaml.ScalarEvent, tag: str, text: str) -> Value:
        value = self.typed(event, text)
        if tag == "float" and type(value) is int:
            return float(value)
        expected = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(tag)
        if expected is None:
            self.wrong(event, f"the tag {_shorthand(event.tag)} is not supported; write the value without it")
        elif type(value) is not expected:
            self.wrong(event, f"{text!r} is not a value of the tag !!{tag}; write the value without the tag")
        return value

    def collection_tag(self, event: yaml.CollectionStartEvent, core: str) -> str:
        tag: str | None = event.tag
        if tag in _KEPT:
            return tag
        if tag not in (None, "!", _CORE + core):
            self.wrong(event, f"the tag {_shorthand(tag)} is not supported; write the value without it")
        return ""

    def place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)

    def wrong(self, event: yaml.Event, message: str, *key: str) -> None:
        path = (*self.path, *key)
        parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path[:MAX_PATH]]
        self.problems.add(self.place(event), "".join(parts).lstrip(".") + "..." * (len(path) > MAX_PATH), message)

    def refused(self, event: yaml.Event, message: str) -> _Refused:
        self.wrong(event, message)
        return _Refused()


def resolve(text: str) -> Value:
    """The value of a plain scalar: null, bool, int (also 0x, 0o, 0b and the octal 017), float, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "0123456789+-":
        return _number(text)
    if text[0] == "." and _FRACTION.fullmatch(text):
        return _finite(text, text.replace("_", ""))
    return text


def _number(text: str) -> Value:
    digits = text.replace("_", "")
    if found := _INTEGER.fullmatch(digits):
        value = next(int(part, base) for part, base in zip(found.groups()[1:], _BASES, strict=True) if part)
        value = -value if found[1] == "-" else value
        if -(2**63) <= value < (2**63 if found[1] else 2**64):
            return value
    return _finite(text, digits) if _FLOAT.fullmatch(digits) else text


def _finite(text: str, digits: str) -> Value:
    value = float(digits)
    return value if math.isfinite(value) else text


def _float_text(value: float) -> str:
    """The shortest digits as Go's `%v` writes them: with an exponent below 1e-4 and from 1e6 on."""
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    exponent = len(digits) + int(power) - 1
    if value == 0 or -4 <= exponent < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    fraction = "".join(map(str, digits[1:]))
    return f"{'-' * sign}{digits[0]}{'.' * bool(fraction)}{fraction}e{exponent:+03d}"


def _is_merge(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == MERGE and not event.style and event.tag is None


def _shorthand(tag: str | None) -> str:
    return (tag or "").replace(_CORE, "!!", 1)


def _text(file: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data)} bytes, more than {MAX_BYTES}; split it, or move content to other files"
        raise ManifestError([Problem(Place(file), "", message)])
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ManifestError([Problem(Place(file, 1, 1), "", "the file is UTF-16; save it as UTF-8")])
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        place = _place_at(file, data[: error.start].decode(errors="replace"))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ManifestError([Problem(place, "", message)]) from None
    if found := _UNPRINTABLE.search(text):
        message = f"the control character U+{ord(found[0]):04X} is not allowed; remove it, or escape it within quotes"
        raise ManifestError([Problem(_place_at(file, text[: found.start()]), "", message)])
    return text


def _place_at(file: str, before: str) -> Place:
    return Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax_problem(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    lines = text.split("\n")
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    what = ", ".join(part for part in (error.context, error.problem) if part)
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Problem(place, "", "a tab indents this line; use spaces")
    return Problem(place, "", f"not valid YAML ({what}); check indentation, quotes and brackets here and above")
