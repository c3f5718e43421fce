"""Breaks valid projects a little: a wrong type, an unknown key, something missing, a circle, a wrong character."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.manifest.made_up import Bare, Project, Tagged, projects

Way = tuple[str | int, ...]

WRONG: tuple[Any, ...] = (
    *(5, -1, 1.5, 0, True, None, "", "x y", "gone", ":", "1s", "/a", "a=b", [], {}, [5], ["a", "a"], [None], [[]]),
    *({"a": {"b": 1}}, {"a": None}, "${", "${UNSET:?no}", "${A", "$UNSET", Bare("*nowhere "), Bare("yes"), Bare("1e3")),
    *(Tagged("!reset", None), Tagged("!override", 5), Tagged("!unknown", "a"), "services.s0", "s0", "base"),
)
CIRCLES: tuple[tuple[str, Any], ...] = (
    ("extends", "s0"),
    ("extends", {"service": "s0", "file": "compose.yaml"}),
    ("extends", "gone"),
    ("depends_on", ["s0"]),
    ("depends_on", {"gone": {"condition": "service_started"}}),
    ("depends_on", {"base": {"condition": "service_gone"}}),
    ("networks", ["gone"]),
    ("volumes", ["gone:/a"]),
    ("configs", ["gone"]),
    ("secrets", [{"source": "gone"}]),
    ("env_file", "gone.env"),
    ("image", ""),
    ("unknown", 1),
    ("ports", ["80:80:80:80"]),
    ("container_name", "!"),
)
INCLUDES: tuple[Any, ...] = ("compose.yaml", "gone.yaml", "../../out.yaml", 5, {"path": "e.env"}, "content", "")


@st.composite
def broken_projects(draw: st.DrawFn) -> Project:
    """A project with one thing wrong, or with a change that happens to be none."""
    project = draw(projects())
    random = Random(draw(st.integers(0, 1 << 32)))
    match random.randrange(8):
        case 0:
            return _with(project, ("services", "s0"), lambda service: {**service, **dict([random.choice(CIRCLES)])})
        case 1:
            include = random.choice(INCLUDES)
            return _with(project, (), lambda document: {**document, "include": [include]})
        case 2:
            return _scratched(project, random)
        case _:
            return _changed(project, random)


def _with(project: Project, way: Way, change: Any) -> Project:
    documents = dict(project.documents)
    documents["compose.yaml"] = changed(documents["compose.yaml"], way, change)
    return replace(project, documents=documents)


def _scratched(project: Project, random: Random) -> Project:
    """One character of a file is gone, twice there, or another."""
    contents = project.contents()
    path = random.choice(sorted(path for path, text in contents.items() if text))
    text = contents[path]
    at = random.randrange(len(text))
    new = random.choice(["", text[at] * 2, *":{}[]'\"#&*!|>%@,$-\t= "])
    contents[path] = text[:at] + new + text[at + 1 :]
    return Project({}, contents)


def _changed(project: Project, random: Random) -> Project:
    path = random.choice(sorted(project.documents))
    way = random.choice(list(ways(project.documents[path])))
    match random.randrange(4):
        case 0:
            document = changed(project.documents[path], way[:-1], lambda parent: left_out(parent, way[-1]))
        case 1:
            document = changed(project.documents[path], way, lambda value: _with_unknown(value, random))
        case _:
            wrong = random.choice(WRONG)
            document = changed(project.documents[path], way, lambda value: wrong)
    return replace(project, documents={**project.documents, path: document})


def ways(value: Any, way: Way = ()) -> Iterator[Way]:
    """The way to everything within a value."""
    match value:
        case Tagged(_, inner):
            yield from ways(inner, way)
        case dict():
            for key, child in value.items():
                yield (*way, key)
                yield from ways(child, (*way, key))
        case list():
            for index, child in enumerate(value):
                yield (*way, index)
                yield from ways(child, (*way, index))


def changed(value: Any, way: Way, change: Any) -> Any:
    """The value with what is at the end of the way changed."""
    if isinstance(value, Tagged):
        return replace(value, value=changed(value.value, way, change))
    if not way:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = changed(value[way[0]], way[1:], change)  # type: ignore[index]
    return copy


def left_out(parent: Any, key: str | int) -> Any:
    """A mapping or list without one of its items."""
    match parent:
        case dict():
            return {name: child for name, child in parent.items() if name != key}
        case list():
            return [child for index, child in enumerate(parent) if index != key]
        case _:
            return parent


def _with_unknown(value: Any, random: Random) -> Any:
    if isinstance(value, dict):
        return {**value, random.choice(["unknown", "imag", "Ports", "x", "5"]): random.choice(WRONG)}
    return [*value, random.choice(WRONG)] if isinstance(value, list) else [value]
