"""`extends`: a service over another of the same file or of another file."""

import posixpath
from dataclasses import dataclass, replace

from gitopsd.manifest.anchor import anchored_service
from gitopsd.manifest.interpolate import interpolate
from gitopsd.manifest.keys.shapes import described, read_fields, text
from gitopsd.manifest.merge import merge_service
from gitopsd.manifest.node import Fields, Node, Scalar
from gitopsd.manifest.source import Scope, Source, relative
from gitopsd.model.errors import Place


@dataclass(frozen=True, slots=True)
class _Document:
    """The services of one file. `filled`: variables are filled in already."""

    file: str
    services: Fields
    scope: Scope
    filled: bool


@dataclass(frozen=True, slots=True)
class _Base:
    """What `extends` names. `file` "": the same file."""

    service: str
    file: str
    place: Place


def extended(source: Source, document: Fields, file: str, scope: Scope) -> Fields:
    """The document with every `extends` carried out; without one it is the same object."""
    services = document.fields.get("services")
    if not isinstance(services, Fields) or not any(_extends(child) for child in services.fields.values()):
        return document
    here = _Document(file, services, scope, filled=True)
    done = {name: _service(source, here, name, ()) for name in services.fields}
    return replace(document, fields={**document.fields, "services": replace(services, fields=done)})


def _extends(node: Node) -> bool:
    return isinstance(node, Fields) and "extends" in node.fields


def _service(source: Source, document: _Document, name: str, chain: tuple[tuple[str, str], ...]) -> Node:
    """The service with its bases merged under it; it keeps its `extends` when that failed, which is then a problem."""
    path = f"services.{name}"
    node = document.services.fields[name]
    if not document.filled:
        node = interpolate(node, document.scope.variables, source.problems, source.unset, path)
    if not isinstance(node, Fields) or "extends" not in node.fields:
        return node
    base = _named(source, node.fields["extends"], f"{path}.extends")
    below = _base(source, document, base, path, (*chain, (document.file, name))) if base is not None else None
    if below is None:
        return node
    own = replace(node, fields={key: child for key, child in node.fields.items() if key != "extends"})
    return merge_service(below, own, path, source.problems)


def _base(
    source: Source, document: _Document, base: _Base, path: str, chain: tuple[tuple[str, str], ...]
) -> Node | None:
    where = f"{path}.extends"
    directory = "."
    if base.file:
        here = document.scope.directory if document.filled else posixpath.dirname(document.file)
        file = source.path(here, base.file, base.place, f"{where}.file")
        found = source.document(file, base.place, f"{where}.file") if file is not None else None
        if file is None or found is None:
            return None
        services = found.fields.get("services")
        document = _Document(
            file,
            services if isinstance(services, Fields) else Fields({}, {}, found.place),
            document.scope,
            filled=False,
        )
        directory = relative(posixpath.dirname(file), here)
    if base.service not in document.services.fields:
        source.problems.add(
            base.place, where, f"there is no service '{base.service}' in {document.file}; mend the name"
        )
        return None
    if (document.file, base.service) in chain:
        circle = chain[chain.index((document.file, base.service)) :]
        if circle[0] == min(circle):  # each member of a circle finds it, one tells it
            names = " -> ".join(name for _, name in (*circle, circle[0]))
            message = f"services extend each other in a circle ({names}); remove one extends"
            source.problems.add(base.place, where, message)
        return None
    return anchored_service(_service(source, document, base.service, chain), directory)


def _named(source: Source, node: Node, path: str) -> _Base | None:
    match node:
        case Scalar(value=str(service)) if service:
            return _Base(service, "", node.place)
        case Fields():
            values = read_fields(node, path, source.problems, {"service": text, "file": text})
            if "service" in values:
                return _Base(str(values["service"]), str(values.get("file", "")), node.place)
            source.problems.add(node.place, path, "names no service; add service: NAME")
        case _:
            source.problems.add(node.place, path, f"expected a service, or service and file, got {described(node)}")
    return None
