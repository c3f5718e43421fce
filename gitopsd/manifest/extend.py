"""`extends`: a service over another of the same file or of another file."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitopsd.manifest.anchor import anchored_service
from gitopsd.manifest.cast import check_casts
from gitopsd.manifest.interpolate import interpolate
from gitopsd.manifest.keys.shapes import Read, described, read_fields, text, wrong
from gitopsd.manifest.merge import RESET, merge_service, without_resets
from gitopsd.manifest.node import Fields, Node, Scalar
from gitopsd.manifest.source import Scope, Source, TooMuch, relative
from gitopsd.model.errors import Place, Problem

MAX_CHAIN = 100


@dataclass(frozen=True, slots=True)
class _Document:
    """The services of one file. `unset` are its variables without a value, which count only for what is used of it."""

    file: str
    services: Fields
    directory: str
    unset: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Base:
    """What `extends` names. `file` "": the same file."""

    service: str
    file: str
    place: Place


@dataclass(frozen=True, slots=True)
class _Run:
    """One file being carried out. `documents` are the other files that it names, `done` the services so far."""

    source: Source
    scope: Scope
    documents: dict[str, _Document] = field(default_factory=dict)
    done: dict[tuple[str, str, str], Fields] = field(default_factory=dict)


_Chain = tuple[tuple[str, str], ...]


def extended(source: Source, document: Fields, file: str, scope: Scope) -> Fields:
    """The document with every `extends` carried out; without one it is the same object."""
    services = document.fields.get("services")
    if not isinstance(services, Fields):
        if services is not None and services.tag != RESET:
            wrong(services, "services", source.problems, "a mapping of services")
        return document
    if not any(_extends(child) for child in services.fields.values()):
        return document
    here, run = _Document(file, services, scope.directory), _Run(source, scope)
    done = {name: _service(run, here, name, ()) for name in services.fields}
    return replace(document, fields={**document.fields, "services": replace(services, fields=done)})


def _extends(node: Node) -> bool:
    return isinstance(node, Fields) and "extends" in node.fields


def _service(run: _Run, document: _Document, name: str, chain: _Chain) -> Node:
    """The service with its bases merged under it; it keeps its `extends` when that failed, which is then a problem."""
    path, key = f"services.{name}", (document.file, document.directory, name)
    if key in run.done:
        return run.done[key]
    node = document.services.fields[name]
    if not isinstance(node, Fields) or "extends" not in node.fields:
        return node
    base = _named(run.source, node.fields["extends"], f"{path}.extends")
    below = _base(run, document, base, path, (*chain, (document.file, name))) if base is not None else None
    if base is None or below is None:
        return node
    run.source.merges(below, base.place, f"{path}.extends")
    own = replace(node, fields={key: child for key, child in node.fields.items() if key != "extends"})
    merged = merge_service(without_resets(below), own, path, run.source.problems, other_file=bool(base.file))
    if isinstance(merged, Fields) and "extends" not in merged.fields:
        run.done[key] = merged
    return merged


def _base(run: _Run, document: _Document, base: _Base, path: str, chain: _Chain) -> Node | None:
    where, problems = f"{path}.extends", run.source.problems
    directory = "."
    if base.file:
        other = _other(run, document, base, where)
        if other is None:
            return None
        directory = relative(other.directory, document.directory)
        document = other
    if base.service not in document.services.fields:
        problems.add(base.place, where, f"there is no service '{base.service}' in {document.file}; mend the name")
        return None
    used = f"services.{base.service}"
    run.source.unset.extend(each for each in document.unset if f"{each.path}.".startswith(f"{used}."))
    if (document.file, base.service) in chain:
        _tell_circle(run, chain[chain.index((document.file, base.service)) :], base.place, where)
        return None
    if len(chain) > MAX_CHAIN:
        problems.add(base.place, where, f"more than {MAX_CHAIN} services extend one another; extend the last directly")
        raise TooMuch
    return anchored_service(_service(run, document, base.service, chain), directory)


def _other(run: _Run, document: _Document, base: _Base, where: str) -> _Document | None:
    """The file that `extends` names, filled in as a whole, as Compose does it: what is wrong there is told."""
    source = run.source
    file = source.path(document.directory, base.file, base.place, f"{where}.file")
    found = source.document(file, base.place, f"{where}.file") if file is not None else None
    if file is None or found is None:
        return None
    if file not in run.documents:
        unset: list[Problem] = []
        filled = interpolate(found, run.scope.variables, source.problems, unset)
        check_casts(filled, source.problems)
        services = filled.fields.get("services") if isinstance(filled, Fields) else None
        named = services if isinstance(services, Fields) else Fields({}, {}, found.place)
        run.documents[file] = _Document(file, named, posixpath.dirname(file), tuple(unset))
    return run.documents[file]


def _tell_circle(run: _Run, circle: _Chain, place: Place, where: str) -> None:
    if circle[0] == min(circle):  # each member of a circle finds it, one tells it
        names = " -> ".join(name for _, name in (*circle, circle[0]))
        run.source.problems.add(place, where, f"services extend each other in a circle ({names}); remove one extends")


def _named(source: Source, node: Node, path: str) -> _Base | None:
    match node:
        case Scalar(value=str(service)) if service:
            return _Base(service, "", node.place)
        case Fields():
            values = read_fields(node, path, source.problems, EXTENDS)
            file = node.fields.get("file")
            if isinstance(file, Scalar) and file.value == "":
                source.problems.add(file.place, f"{path}.file", "is empty; name a file, or remove the key")
            elif "service" in values:
                return _Base(str(values["service"]), str(values.get("file", "")), node.place)
            else:
                source.problems.add(node.place, path, "names no service; add service: NAME")
        case _:
            source.problems.add(node.place, path, f"expected a service, or service and file, got {described(node)}")
    return None


EXTENDS: Mapping[str, Read] = {"service": text, "file": text}
