"""Gathers a project's files into one document: each read, filled in, extended, with its includes, then merged."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitopsd.manifest.anchor import anchored_definition, anchored_service
from gitopsd.manifest.environment import with_arguments, with_bare_names
from gitopsd.manifest.extend import extended
from gitopsd.manifest.interpolate import Variable, Variables, interpolate
from gitopsd.manifest.keys.shapes import Read, described, read_fields, string_or_strings, text
from gitopsd.manifest.merge import merge_documents, without_resets
from gitopsd.manifest.node import Fields, Items, Node, Scalar, plain
from gitopsd.manifest.source import Scope, Source, merged, relative
from gitopsd.model.errors import Place

MAX_DEPTH = 50
_RESOURCES = ("services", "networks", "volumes", "configs", "secrets")
_BY_VARIABLE = ("configs", "secrets")


@dataclass(frozen=True, slots=True)
class Gathered:
    """The merged document.

    `variables` has those that count for a config or secret that came by `include`. `layers` are the documents that
    another file was merged over: each must be right by itself.
    """

    document: Fields
    variables: dict[tuple[str, str], Variables] = field(default_factory=dict)
    layers: list[Fields] = field(default_factory=list)


def gather(
    source: Source, paths: Sequence[str], scope: Scope, place: Place, where: str = "", above: tuple[str, ...] = ()
) -> Gathered:
    """The files at `paths`, later over earlier.

    `place` and `where` are of the words that name them; `above` are the files that include them.
    """
    gathered = Gathered(Fields({}, {}, Place(paths[0], 1, 1)))
    document: Fields | None = None
    for path in paths:
        raw = source.document(path, place, where)
        if raw is None:
            continue
        if document is not None or above:
            source.merges(raw, place, where)
        filled = _filled(source, raw, path, scope)
        own = extended(source, filled, path, scope)
        own = _included(source, own, scope, (*above, path), gathered)
        if document is None:
            document = own if path in source.untagged else without_resets(own)
        else:
            source.merges(document, place, where)
            gathered.layers.append(document)
            document = merge_documents(document, own, source.problems)
    return replace(gathered, document=document) if document is not None else gathered


def _filled(source: Source, document: Fields, path: str, scope: Scope) -> Fields:
    if path in source.constant:
        return document
    filled = interpolate(document, scope.variables, source.problems, source.unset)
    return filled if isinstance(filled, Fields) else document


@dataclass(frozen=True, slots=True)
class _Include:
    """One entry of `include`: files, of which later ones override, and what counts for them."""

    paths: tuple[str, ...]
    env_files: tuple[str, ...]
    directory: str
    place: Place
    where: str


def _included(source: Source, document: Fields, scope: Scope, above: tuple[str, ...], gathered: Gathered) -> Fields:
    node = document.fields.get("include")
    if node is None:
        return document
    if not isinstance(node, Items):
        if not isinstance(node, Scalar) or node.value is not None:
            source.problems.add(node.place, "include", f"expected a list of files, got {described(node)}")
        return replace(document, fields={key: child for key, child in document.fields.items() if key != "include"})
    fields = {key: child for key, child in document.fields.items() if key != "include"}
    result = replace(document, fields=fields)
    for index, item in enumerate(node.items):
        include = _entry(source, item, f"include[{index}]", scope)
        if include is None:
            continue
        source.includes(len(include.paths), include.place, include.where)
        if len(above) > MAX_DEPTH:
            message = f"files include each other more than {MAX_DEPTH} levels deep; include the last ones directly"
            source.problems.add(include.place, include.where, message)
            continue
        again = next((path for path in include.paths if path in above), None)
        if again is not None:
            circle = " -> ".join((*above, again))
            source.problems.add(
                include.place, include.where, f"files include each other in a circle ({circle}); remove one include"
            )
            continue
        result = _import(source, result, include, scope, above, gathered)
    return result


def _import(
    source: Source, document: Fields, include: _Include, scope: Scope, above: tuple[str, ...], gathered: Gathered
) -> Fields:
    inner = Scope(include.directory, merged(scope.variables, _variables(source, include, scope)))
    found = gather(source, include.paths, inner, include.place, include.where, above)
    for kind in _BY_VARIABLE:
        theirs = found.document.fields.get(kind)
        for name in theirs.fields if isinstance(theirs, Fields) else ():
            gathered.variables[kind, name] = found.variables.get((kind, name), inner.variables)
    gathered.layers.extend((*found.layers, _not_taken(found.document)))
    directory = relative(include.directory, scope.directory)
    fields = dict(document.fields)
    for kind in _RESOURCES:
        theirs = found.document.fields.get(kind)
        if isinstance(theirs, Fields):
            theirs = _settled(theirs, inner) if kind == "services" else theirs
            fields[kind] = _together(source, fields.get(kind), theirs, kind, directory, include)
    return replace(document, fields=fields)


def _not_taken(document: Fields) -> Fields:
    """What an included document says that is not taken over, and must be right all the same."""
    taken = {kind for kind in _RESOURCES if isinstance(document.fields.get(kind), Fields)}
    return replace(document, fields={key: child for key, child in document.fields.items() if key not in taken})


def _settled(services: Fields, scope: Scope) -> Fields:
    """The services of an included file with what depends on its variables and directory, and is not written out."""
    fields = dict(services.fields)
    for name, service in fields.items():
        if not isinstance(service, Fields):
            continue
        own = dict(service.fields)
        if "environment" in own:
            own["environment"] = with_bare_names(own["environment"], scope.variables)
        build = own.get("build")
        if isinstance(build, Fields):
            context = {"context": Scalar(".", build.place)}
            own["build"] = with_arguments(replace(build, fields={**context, **build.fields}), scope.variables)
        fields[name] = replace(service, fields=own)
    return replace(services, fields=fields)


def _together(
    source: Source, ours: Node | None, theirs: Fields, kind: str, directory: str, include: _Include
) -> Fields:
    """Our resources and those of an included file; one that both define must be defined alike."""
    mine = ours if isinstance(ours, Fields) else Fields({}, {}, theirs.place)
    fields, keys = dict(mine.fields), {**theirs.keys, **mine.keys}
    anchor = anchored_service if kind == "services" else anchored_definition
    for name, written in theirs.fields.items():
        node = anchor(written, directory)
        if name not in fields:
            fields[name] = node
        elif plain(fields[name]) != plain(node):
            message = f"{include.paths[0]} defines it, too, and differently; change it in an override file instead"
            source.problems.add(mine.keys.get(name, mine.place), f"{kind}.{name}", message)
    return Fields(fields, keys, mine.place)


def _variables(source: Source, include: _Include, scope: Scope) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    default = posixpath.join(include.directory, ".env")
    paths = include.env_files or ((default,) if source.exists(default) else ())
    for path in paths:
        values = source.dotenv(path, include.place, f"{include.where}.env_file", merged(scope.variables, found))
        found.update(values)
    return found


def _entry(source: Source, node: Node, where: str, scope: Scope) -> _Include | None:
    match node:
        case Scalar(value=str(value)) if value:
            values: dict[str, object] = {"path": [value]}
        case Fields():
            values = dict(read_fields(node, where, source.problems, INCLUDE))
        case _:
            values = {}
    if not values.get("path"):
        source.problems.add(node.place, where, "expected a file, or a mapping with path")
        return None
    paths = _paths(source, values["path"], scope, node.place, where)
    env_files = _paths(source, values.get("env_file", []), scope, node.place, f"{where}.env_file")
    directory = posixpath.dirname(paths[0]) if paths else ""
    if "project_directory" in values:
        named = source.path(scope.directory, str(values["project_directory"]), node.place, f"{where}.project_directory")
        directory = named if named is not None else directory
    return _Include(paths, env_files, directory, node.place, where) if paths else None


def _paths(source: Source, values: object, scope: Scope, place: Place, where: str) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else []
    found = (source.path(scope.directory, str(value), place, where) for value in listed)
    return tuple(path for path in found if path is not None)


INCLUDE: Mapping[str, Read] = {"path": string_or_strings, "env_file": string_or_strings, "project_directory": text}
