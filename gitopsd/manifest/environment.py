"""The environment of a service: its `env_file`s, then `environment` over them, bare names filled from the variables."""

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    values: dict[str, Json] = {}
    hidden: set[str] = set()
    files = service.fields.get("env_file")
    if files is not None:
        for name, variable in _from_files(source, files, f"{path}.env_file", directory, variables).items():
            values[name] = variable.value
            hidden |= {name} if variable.hidden else set()
    own = service.fields.get("environment")
    if own is None:
        return Environment(values, frozenset(hidden))
    secret = _hidden_names(own)
    for name, value in (optional_pairs(own, f"{path}.environment", source.problems) or {}).items():
        _check_name(name, own, f"{path}.environment", source.problems)
        given = variables.get(name) if value is None else None
        values[name] = given.value if given else value
        hidden.discard(name)
        if name in secret or (given and given.hidden):
            hidden.add(name)
    return Environment(values, frozenset(hidden))


def _from_files(source: Source, node: Node, path: str, directory: str, variables: Variables) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for written, required, place, where in _files(node, path, source.problems):
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
