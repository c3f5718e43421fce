"""Makes up valid Compose projects: files over files, includes, extends, anchors, variables, profiles, every key."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.manifest.made_up_keys import EXCLUSIVE, NEEDS, SERVICE_ROWS, TOP_ROWS, Bare, one, some

MERGE = "<<"
ENV = {"A": "va", "E": "", "N": "3", "T": "true", "W": "two words"}
ENV_FILE = "FROM_FILE=1\nA=file\nSHELL=$A-${UNSET:-x}\nQ='$A'\n"
SHORT = re.compile(r"[a-zA-Z][a-zA-Z0-9./_-]*")
SELDOM = one(True, False, False)
SIDES = st.tuples(*[st.booleans() for _ in EXCLUSIVE])
TOP = {kind: some(rows, 3) for kind, rows in TOP_ROWS.items()}
OVERRIDDEN = (("networks", "front"), ("volumes", "data"), ("configs", "one"))
EXTERNAL = st.fixed_dictionaries({"external": st.just(True)}, optional={"name": one("theirs")})


def _with(first: st.SearchStrategy[Any], second: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda one_half, other: {**one_half, **other}, first, second)


CONTENT = st.fixed_dictionaries({"content": one("1", "$$a ${A}", "two\nlines")})
DEFINITIONS = st.fixed_dictionaries(
    {
        "networks": st.fixed_dictionaries(
            {"front": st.one_of(st.none(), TOP["networks"]), "back": st.one_of(TOP["networks"], EXTERNAL)}
        ),
        "volumes": st.fixed_dictionaries(
            {"data": st.one_of(st.none(), TOP["volumes"]), "cache": st.one_of(TOP["volumes"], EXTERNAL)}
        ),
        "configs": st.fixed_dictionaries(
            {"one": _with(CONTENT, TOP["configs"]), "two": _with(st.just({"file": "./e.env"}), TOP["configs"])}
        ),
        "secrets": st.fixed_dictionaries(
            {
                "one": _with(st.just({"file": "./e.env"}), TOP["secrets"]),
                "two": _with(st.just({"environment": "W"}), TOP["secrets"]),
            }
        ),
    }
)
FORMS = (
    "${{UNSET:-{}}}",
    "${{UNSET-{}}}",
    "${{A:+{}}}",
    "${{E+{}}}",
    "${{E:-{}}}",
    "${{A:+${{UNSET:-{}}}}}",
    "{}${{UNSET:-}}${{E}}$E",
)
NO_TEXT = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag such as !override, or with an anchor such as &a."""

    tag: str
    value: Any


@dataclass(frozen=True, slots=True)
class Project:
    """Documents by their path, and the other files. The paths are relative to the project's directory."""

    documents: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    block: bool = False

    def contents(self) -> dict[str, str]:
        """Every file as it is written."""
        return {**{path: written(document, self.block) for path, document in self.documents.items()}, **self.files}


def written(document: Any, block: bool) -> str:
    """A document as YAML, its upper levels in block style or all of it in flow style."""
    return f"{_block(document, 0) if block and isinstance(document, dict) and document else _flow(document)}\n"


def _block(value: dict[str, Any], depth: int) -> str:
    lines = []
    for key, child in value.items():
        if isinstance(child, dict) and child and depth < 3:
            lines.append(f"{'  ' * depth}{_key(key)}:\n{_block(child, depth + 1)}")
        else:
            lines.append(f"{'  ' * depth}{_key(key)}: {_flow(child)}")
    return "\n".join(lines)


def _flow(value: Any) -> str:
    match value:
        case Tagged(tag, inner):
            return f"{tag} {_flow(inner)}"
        case Bare(text):
            return text
        case dict():
            return "{" + ", ".join(f"{_key(key)}: {_flow(child)}" for key, child in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if SHORT.fullmatch(value) and value not in NO_TEXT:
            return value
        case _:
            return json.dumps(value)


def _key(key: str) -> str:
    return MERGE if key == MERGE else json.dumps(key)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Any valid project."""
    rows = _allowed(draw(SIDES))
    names = [f"s{number}" for number in range(draw(st.integers(1, 3)))]
    main: dict[str, Any] = {"services": _services(draw, rows, names), **draw(DEFINITIONS)}
    making = _Making({"compose.yaml": main}, {"content/a": "a\n", "e.env": ENV_FILE, "f.env": "A=$FROM_FILE\nX='y'\n"})
    if draw(SELDOM):
        _extend(draw, rows, making)
    if draw(SELDOM):
        _share(draw, rows, making)
    _override(draw, rows, making, names)
    for directory in draw(one((), (), ("inc",), ("inc", "deep/er"))):
        _include(draw, rows, making, directory)
    if draw(SELDOM):
        main["name"] = draw(one("made-up", "${A}-x", "X.y"))
    if draw(st.booleans()):
        making.env["COMPOSE_PROFILES"] = draw(one("p", "p,q", "*"))
    documents = {path: _filled_in(draw, document) for path, document in making.documents.items()}
    quote = draw(one("", "'", '"'))
    env = "".join(f"{name}={quote}{value}{quote}\n" for name, value in making.env.items())
    return Project(documents, {**making.files, ".env": env}, draw(st.booleans()))


@dataclass(frozen=True, slots=True)
class _Making:
    """A project as far as it is made up."""

    documents: dict[str, Any]
    files: dict[str, str]
    env: dict[str, str] = field(default_factory=lambda: dict(ENV))


@cache
def _allowed(sides: tuple[bool, ...]) -> frozenset[str]:
    """The keys that a project may have: of each pair that excludes one another, those of one side."""
    out = frozenset(key for side, keys in zip(sides, EXCLUSIVE, strict=True) for key in keys[side])
    return frozenset(SERVICE_ROWS) - out


@cache
def _fields(allowed: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    return some({key: SERVICE_ROWS[key] for key in sorted(allowed)}, 6)


def _services(draw: st.DrawFn, rows: frozenset[str], names: list[str], base: bool = True) -> dict[str, Any]:
    others = {"base": {"image": "base"}, "other": {"image": "other"}} if base else {}
    return {**{name: {"image": f"{name}:1", **_service(draw, rows, name)} for name in names}, **others}


def _service(draw: st.DrawFn, rows: frozenset[str], name: str) -> dict[str, Any]:
    found = draw(_fields(rows))
    if "container_name" in found:
        found["container_name"] = f"the-{name}"
    return {key: value for key, value in found.items() if NEEDS.get(key, key) in found}


def _extend(draw: st.DrawFn, rows: frozenset[str], making: _Making) -> None:
    """Lets s0 extend a new service, of the same file or of another, which may extend a further one."""
    rows -= {"container_name"}
    main = making.documents["compose.yaml"]["services"]
    services, base = main, {"image": "below:1", **_service(draw, rows, "below")}
    if draw(st.booleans()):
        services["below"] = base
        main["s0"]["extends"] = draw(one("below", {"service": "below"}))
    else:
        main["s0"]["extends"] = {"service": "below", "file": draw(one("bases/b.yaml", "./bases/b.yaml"))}
        services = {"below": base}
        making.documents["bases/b.yaml"] = {"services": services}
        making.files.update({"bases/e.env": "FROM_FILE=bases\n", "bases/f.env": "B=$A\n", "bases/content/a": "a\n"})
    if draw(st.booleans()):
        services["lowest"] = {"image": "lowest:1", **_service(draw, rows, "lowest")}
        services["below"]["extends"] = {"service": "lowest"}
    if draw(st.booleans()):
        del main["s0"]["image"]


def _share(draw: st.DrawFn, rows: frozenset[str], making: _Making) -> None:
    """Gives s0 fields of an anchor by a merge key."""
    document = making.documents["compose.yaml"]
    shared = Tagged("&shared", _service(draw, rows - {"container_name"}, "shared"))
    document["services"]["s0"][MERGE] = draw(one(Bare("*shared "), [Bare("*shared "), {"user": "merged"}]))
    making.documents["compose.yaml"] = {"x-shared": shared, **document}


def _override(draw: st.DrawFn, rows: frozenset[str], making: _Making, names: list[str]) -> None:
    """Adds files that come over the first, by their usual name or by COMPOSE_FILE."""
    paths = draw(one((), ("compose.override.yaml",), ("over.yaml",), ("over.yaml", "more/over.yml")))
    if paths and paths[0] == "over.yaml":
        making.env["COMPOSE_FILE"] = ":".join(("compose.yaml", *paths))
    for path in paths:
        over: dict[str, Any] = {
            name: {key: _tagged(draw, key, value) for key, value in _service(draw, rows, name).items()}
            for name in names
            if draw(st.booleans())
        }
        if draw(SELDOM):
            over["new"] = {"image": "new", **_service(draw, rows, "new")}
        if draw(SELDOM):
            over["base"] = Tagged("!override", {"image": "base:over"})
        named = {kind: {name: draw(TOP[kind])} for kind, name in OVERRIDDEN if draw(SELDOM)}
        making.documents[path] = {"services": over, **named}


def _tagged(draw: st.DrawFn, key: str, value: Any) -> Any:
    tag = draw(one("", "", "", "", "!override", "!reset"))
    return Tagged(tag, value) if tag and value is not None and key not in NEEDS.values() else value


def _include(draw: st.DrawFn, rows: frozenset[str], making: _Making, directory: str) -> None:
    """Adds an included file with a service of its own, perhaps with an override and with variables of its own."""
    rows -= {"container_name", "profiles"}
    name, path, files = directory.replace("/", "-"), f"{directory}/part.yaml", making.files
    making.documents[path] = {"services": _services(draw, rows, [name], base=False)}
    files |= {f"{directory}/e.env": "X=$OWN\n", f"{directory}/f.env": "Y=$OWN$A\n", f"{directory}/content/a": "a\n"}
    entry: dict[str, Any] = {"path": draw(one(path, f"./{path}"))}
    if draw(st.booleans()):
        files[f"{directory}/.env"] = "OWN=1\nA=theirs\n"
    if draw(SELDOM):
        making.documents[f"{directory}/over.yaml"] = {"services": {name: _service(draw, rows, name)}}
        entry["path"] = [path, f"{directory}/over.yaml"]
    if draw(SELDOM):
        files[f"{directory}/own.env"] = "OWN=2\n"
        entry["env_file"] = draw(one(f"{directory}/own.env", ["e.env", f"{directory}/own.env"]))
    if draw(SELDOM):
        entry["project_directory"] = draw(one(".", directory))
    short = set(entry) == {"path"} and isinstance(entry["path"], str) and draw(st.booleans())
    making.documents["compose.yaml"].setdefault("include", []).append(entry["path"] if short else entry)


def _filled_in(draw: st.DrawFn, document: Any) -> Any:
    """The document with variables in some of its texts, which then mean what they meant."""
    random = Random(draw(st.integers(0, 1 << 32)))

    def filled(value: Any) -> Any:
        match value:
            case Tagged(tag, inner):
                return Tagged(tag, filled(inner))
            case dict():
                return {key: filled(child) for key, child in value.items()}
            case list():
                return [filled(child) for child in value]
            case str() if value and not set(value) & set("${}\n") and random.random() < 0.1:
                return random.choice(FORMS).format(value)
            case _:
                return value

    return filled(document)
