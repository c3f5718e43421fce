"""The environment and labels of a service: those of files, then its own over them, bare names filled in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from gitopsd.manifest.interpolate import Variable, Variables
from gitopsd.manifest.keys.shapes import Read, boolean, choice, described, optional_pairs, read_fields, text
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.source import Source, merged
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place


@dataclass(frozen=True, slots=True)
class Environment:
    """Values by name, None for a bare name without a value; `hidden` are the names whose values are secret."""

    values: dict[str, Json] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _File:
    """A file that `env_file` or `label_file` names, and where. `raw`: its values are taken as they stand."""

    path: str
    place: Place
    where: str
    required: bool = True
    raw: bool = False


def environment(source: Source, service: Fields, path: str, directory: str, variables: Variables) -> Environment:
    """What `env_file` and `environment` of a service come to. `directory`: the files are relative to it."""
    own = _own(source, service, f"{path}.environment", variables)
    files = service.fields.get("env_file")
    if files is None:
        return own
    known = merged(
        variables,
        {name: Variable(value, name in own.hidden) for name, value in own.values.items() if isinstance(value, str)},
    )
    values: dict[str, Json] = {}
    hidden = set(own.hidden)
    named = {file.path: file for file in _env_files(files, f"{path}.env_file", source.problems)}
    # Of those that name one path the last counts, at the place of the first.
    for name, variable in _from_files(source, named.values(), directory, known).items():
        values[name] = variable.value
        if variable.hidden and name not in own.values:
            hidden.add(name)
    return Environment({**values, **own.values}, frozenset(hidden))


def check_written(service: Fields, path: str, problems: Problems) -> None:
    """What is wrong with how environment and files are written, for a service that is not the final one."""
    for key, read in (("environment", optional_pairs), ("env_file", _env_files), ("label_file", _label_files)):
        node = service.fields.get(key)
        if node is not None:
            tuple(read(node, f"{path}.{key}", problems) or ())


def labels_of_files(source: Source, service: Fields, path: str, directory: str) -> Environment:
    """What the files of a service's `label_file` come to; they know each other's variables and no others."""
    node = service.fields.get("label_file")
    if node is None:
        return Environment()
    found = _from_files(source, _label_files(node, f"{path}.label_file", source.problems), directory, {})
    hidden = frozenset(name for name, variable in found.items() if variable.hidden)
    return Environment({name: variable.value for name, variable in found.items()}, hidden)


def _own(source: Source, service: Fields, path: str, variables: Variables) -> Environment:
    node = service.fields.get("environment")
    if node is None:
        return Environment()
    values: dict[str, Json] = {}
    hidden = set(_hidden_names(node))
    for name, value in (optional_pairs(node, path, source.problems) or {}).items():
        _check_name(name, node, path, source.problems, hidden=name in hidden)
        given = variables.get(name) if value is None else None
        values[name] = given.value if given else value
        if given and given.hidden:
            hidden.add(name)
    return Environment(values, frozenset(hidden))


def _from_files(source: Source, files: Iterable[_File], directory: str, variables: Variables) -> dict[str, Variable]:
    """The variables of all files. `variables` go before those of earlier files, which go before a file's own."""
    found: dict[str, Variable] = {}
    for file in files:
        path = source.path(directory, file.path, file.place, file.where)
        if path is None or (not file.required and not source.exists(path)):
            continue
        found.update(source.dotenv(path, file.place, file.where, merged(variables, found), raw=file.raw))
    return found


def _env_files(node: Node, path: str, problems: Problems) -> Iterator[_File]:
    match node:
        case Items(items=items):
            for index, item in enumerate(items):
                where = f"{path}[{index}]"
                if isinstance(item, Fields):
                    entry = read_fields(item, where, problems, ENV_FILE)
                    if "path" in entry:
                        required, raw = bool(entry.get("required", True)), entry.get("format") == "raw"
                        yield _File(str(entry["path"]), item.place, where, required, raw)
                    else:
                        problems.add(item.place, where, "has no path; add it")
                else:
                    yield from _plain_file(item, where, problems)
        case _:
            yield from _plain_file(node, path, problems)


def _label_files(node: Node, path: str, problems: Problems) -> Iterator[_File]:
    if not isinstance(node, Items):
        yield from _plain_file(node, path, problems)
        return
    for index, item in enumerate(node.items):
        yield from _plain_file(item, f"{path}[{index}]", problems)


def _plain_file(node: Node, path: str, problems: Problems) -> Iterator[_File]:
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        yield _File(node.value, node.place, path)
    else:
        problems.add(node.place, path, f"expected a file or a list of files, got {described(node)}")


ENV_FILE: dict[str, Read] = {"path": text, "required": boolean, "format": choice("", "raw")}


def _hidden_names(node: Node) -> frozenset[str]:
    match node:
        case Fields(fields=fields):
            return frozenset(name for name, child in fields.items() if isinstance(child, Scalar) and child.hidden)
        case Items(items=items):
            return frozenset(
                str(item.value).partition("=")[0] for item in items if isinstance(item, Scalar) and item.hidden
            )
        case _:
            return frozenset()


def _check_name(name: str, node: Node, path: str, problems: Problems, *, hidden: bool) -> None:
    if not name or name != name.strip() or "\0" in name:
        place = node.keys.get(name, node.place) if isinstance(node, Fields) else node.place
        shown = "a hidden value" if hidden else name.strip() or "an empty name"
        problems.add(place, path, f"'{shown}' is no name of a variable; write NAME=value without spaces before the =")


def with_bare_names(node: Node, variables: Variables) -> Node:
    """An `environment` in which the bare names of a list have their values from these variables.

    In an included file that is how far its own variables reach: a mapping's bare names count for the whole project.
    """
    if not isinstance(node, Items):
        return node
    return replace(node, items=tuple(_with_value(item, variables) for item in node.items))


def with_arguments(build: Node, variables: Variables) -> Node:
    """A `build` whose arguments without a value have it from these variables."""
    arguments = build.fields.get("args") if isinstance(build, Fields) else None
    if not isinstance(build, Fields) or not isinstance(arguments, Items | Fields):
        return build
    if isinstance(arguments, Items):
        return replace(build, fields={**build.fields, "args": with_bare_names(arguments, variables)})
    given = dict(arguments.fields)
    for name, child in given.items():
        if isinstance(child, Scalar) and child.value is None and (variable := variables.get(name)) is not None:
            given[name] = replace(child, value=variable.value, hidden=variable.hidden, quoted=True)
    return replace(build, fields={**build.fields, "args": replace(arguments, fields=given)})


def _with_value(node: Node, variables: Variables) -> Node:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or "=" in node.value:
        return node
    variable = variables.get(node.value)
    if variable is None:
        return node
    return replace(node, value=f"{node.value}={variable.value}", hidden=node.hidden or variable.hidden)
