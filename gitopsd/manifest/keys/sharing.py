"""What a service shares with others, and what follows for the order: namespaces, volumes, links."""

from collections.abc import Iterator, Mapping

from gitopsd.engine_json.routed import OWN as OF_ROUTERS
from gitopsd.manifest.keys.json_schema import STRING, listed, takes
from gitopsd.manifest.keys.shapes import Read, distinct_strings, shown, strings, text
from gitopsd.manifest.node import Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

SERVICE = "service:"
CONTAINER = "container:"
NAMESPACES = ("network_mode", "ipc", "pid")
_LINK_PARTS = 2


def namespace(*words: str) -> Read:
    """A namespace: one of the words, or that of a service or container."""

    @takes(STRING)
    def read(node: Node, path: str, problems: Problems) -> Json:
        value = text(node, path, problems)
        if value is None or value in words:
            return value
        known = f"{', '.join(words)}, {SERVICE}NAME or {CONTAINER}NAME"
        if not value.startswith((SERVICE, CONTAINER)) or value.endswith(":"):
            problems.add(node.place, path, f"expected {known}, got {shown(node)}")
            return None
        return value

    return read


@takes(STRING)
def network_mode(node: Node, path: str, problems: Problems) -> Json:
    """host, none, bridge, the namespace of a service or container, or a network of the engine by its name."""
    value = text(node, path, problems)
    if value in (SERVICE, CONTAINER):
        problems.add(node.place, path, f"names nothing; write {value}NAME")
        return None
    if isinstance(node, Scalar) and node.value == "":
        message = "is empty, and then Compose attaches the service to no network; remove it, or write none"
        problems.add(node.place, path, message)
    if value in OF_ROUTERS:
        message = f"{value} is the router's own network, which gitopsd joins what has traffic to; remove it"
        problems.add(node.place, path, message)
    return value


@takes(listed(STRING))
def links(node: Node, path: str, problems: Problems) -> Json:
    """Services, each perhaps with a name of its own: `db`, `db:database`."""
    return _named_pairs(strings(node, path, problems), "SERVICE or SERVICE:ALIAS", node, path, problems)


@takes(listed(STRING))
def external_links(node: Node, path: str, problems: Problems) -> Json:
    """Containers, each perhaps with a name of its own."""
    found = distinct_strings(node, path, problems)
    return _named_pairs(found, "CONTAINER or CONTAINER:ALIAS", node, path, problems)


def _named_pairs(found: Json, expected: str, node: Node, path: str, problems: Problems) -> Json:
    for item, where, value in _written(node, path):
        parts = value.split(":")
        if len(parts) > _LINK_PARTS or not all(parts):
            problems.add(item.place, where, f"expected {expected}, got {shown(item)}")
    return found


@takes(listed(STRING))
def volumes_from(node: Node, path: str, problems: Problems) -> Json:
    """Services or containers whose volumes are mounted, too, perhaps read-only."""
    found = distinct_strings(node, path, problems)
    for item, where, value in _written(node, path):
        name, _, mode = value.removeprefix(CONTAINER).partition(":")
        if not name or mode not in ("", "ro", "rw"):
            problems.add(
                item.place, where, f"expected SERVICE, {CONTAINER}NAME, or one of them with :ro, got {shown(item)}"
            )
    return found


def _written(node: Node, path: str) -> Iterator[tuple[Scalar, str, str]]:
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield item, f"{path}[{index}]", item.value


def named(canonical: Mapping[str, Json]) -> Iterator[tuple[str, str, bool]]:
    """Key, service, and whether that one's restart restarts this one, in the order in which Compose derives them."""
    for link in _strings(canonical, "links"):
        yield "links", link.partition(":")[0], True
    for key in NAMESPACES:
        value = canonical.get(key)
        if isinstance(value, str) and value.startswith(SERVICE):
            yield key, value.removeprefix(SERVICE), True
    for source in _strings(canonical, "volumes_from"):
        if not source.startswith(CONTAINER):
            yield "volumes_from", source.partition(":")[0], False


def implied(canonical: Mapping[str, Json]) -> dict[str, Json]:
    """The dependencies that follow, as `depends_on` writes them."""
    found: dict[str, Json] = {}
    for _, service, restart in named(canonical):
        how: dict[str, Json] = {"condition": "service_started", "required": True}
        found.setdefault(service, {**how, "restart": True} if restart else how)
    return found


def shares(canonical: Mapping[str, Json]) -> tuple[str, ...]:
    """The services whose namespaces or volumes are used; a link is a name only."""
    return tuple(dict.fromkeys(service for key, service, _ in named(canonical) if key != "links"))


def _strings(canonical: Mapping[str, Json], key: str) -> list[str]:
    found = canonical.get(key)
    return [str(value) for value in found] if isinstance(found, list) else []
