"""The environment of a service: its `env_file`s, then `environment` over them, bare names filled from the variables."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gitopsd.manifest.interpolate import Variable, Variables
from gitopsd.manifest.keys.shapes import boolean, described, optional_pairs, read_fields, text
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.source import Source, merged
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place


@dataclass(frozen=True, slots=True)
class Environment:
    """Values by name, None for a bare name without a value; `hidden` are the names whose values are secret."""

    values: dict[str, Json] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


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
    for name, variable in _from_files(source, files, f"{path}.env_file", directory, known).items():
        values[name] = variable.value
        if variable.hidden and name not in own.values:
            hidden.add(name)
    return Environment({**values, **own.values}, frozenset(hidden))


def check_written(service: Fields, path: str, problems: Problems) -> None:
    """What is wrong with how `environment` and `env_file` are written, for a service that is not the final one."""
    own, files = service.fields.get("environment"), service.fields.get("env_file")
    if own is not None:
        optional_pairs(own, f"{path}.environment", problems)
    if files is not None:
        tuple(_files(files, f"{path}.env_file", problems))


def _own(source: Source, service: Fields, path: str, variables: Variables) -> Environment:
    node = service.fields.get("environment")
    if node is None:
        return Environment()
    values: dict[str, Json] = {}
    hidden = set(_hidden_names(node))
    for name, value in (optional_pairs(node, path, source.problems) or {}).items():
        _check_name(name, node, path, source.problems)
        given = variables.get(name) if value is None else None
        values[name] = given.value if given else value
        if given and given.hidden:
            hidden.add(name)
    return Environment(values, frozenset(hidden))


def _from_files(source: Source, node: Node, path: str, directory: str, variables: Variables) -> dict[str, Variable]:
    """The variables of all files. `variables` go before those of earlier files, which go before a file's own."""
    found: dict[str, Variable] = {}
    files = {entry[0]: entry for entry in _files(node, path, source.problems)}  # the last of a path, at its first place
    for written, required, place, where in files.values():
        file = source.path(directory, written, place, where)
        if file is None or (not required and not source.exists(file)):
            continue
        found.update(source.dotenv(file, place, where, merged(variables, found)))
    return found


def _files(node: Node, path: str, problems: Problems) -> Iterator[tuple[str, bool, Place, str]]:
    """Each file's path, whether it must exist, and where it is named."""
    match node:
        case Scalar(value=str(file)) if file:
            yield file, True, node.place, path
        case Items(items=items):
            for index, item in enumerate(items):
                where = f"{path}[{index}]"
                if isinstance(item, Fields):
                    entry = read_fields(item, where, problems, {"path": text, "required": boolean}, ("format",))
                    if "path" in entry:
                        yield str(entry["path"]), bool(entry.get("required", True)), item.place, where
                    else:
                        problems.add(item.place, where, "has no path; add it")
                else:
                    yield from _files(item, where, problems)
        case _:
            problems.add(node.place, path, f"expected a file or a list of files, got {described(node)}")


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


def _check_name(name: str, node: Node, path: str, problems: Problems) -> None:
    if not name or name != name.strip() or "\0" in name:
        place = node.keys.get(name, node.place) if isinstance(node, Fields) else node.place
        shown = name.strip() or "an empty name"
        problems.add(place, path, f"'{shown}' is no name of a variable; write NAME=value without spaces before the =")


def with_bare_names(node: Node, variables: Variables) -> Node:
    """An `environment` in which the bare names of a list have their values from these variables.

    In an included file that is how far its own variables reach: a mapping's bare names count for the whole project.
    """
    if not isinstance(node, Items):
        return node
    return replace(node, items=tuple(_with_value(item, variables) for item in node.items))


def _with_value(node: Node, variables: Variables) -> Node:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or "=" in node.value:
        return node
    variable = variables.get(node.value)
    if variable is None:
        return node
    return replace(node, value=f"{node.value}={variable.value}", hidden=node.hidden or variable.hidden)
