"""Merges one Compose document over another by Compose's rules, for overrides and for `extends`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar, Union

from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar, Value
from gitopsd.model.errors import Place

Rule = Union["Merge", Mapping[str, "Rule"], None]
Merge = Callable[[Node, Node, str, Problems], Node]

RESET = "!reset"
OVERRIDE = "!override"


def merge_documents(base: Fields, over: Fields, problems: Problems) -> Fields:
    """Two whole documents."""
    return _fields(base, over, "", problems, _DOCUMENT)


def merge_service(base: Node, over: Node, path: str, problems: Problems, *, other_file: bool) -> Node:
    """One service over that which it extends. `other_file`: the base has been read, and its words stand for values."""
    return _node(base, over, path, problems, _READ if other_file else _SERVICE)


N = TypeVar("N", bound=Node)


def without_resets(node: N) -> N:
    """The node without what is tagged `!reset` in it, for one that is merged over nothing."""
    match node:
        case Fields(fields=fields):
            kept = {key: without_resets(child) for key, child in fields.items() if child.tag != RESET}
            return replace(node, fields=kept)
        case Items(items=items):
            return replace(node, items=tuple(without_resets(item) for item in items if item.tag != RESET))
        case _:
            return node


def _node(base: Node, over: Node, path: str, problems: Problems, rule: Rule) -> Node:
    if over.tag == OVERRIDE:
        return over
    if callable(rule):
        return rule(base, over, path, problems)
    if _is_null(over):
        return base
    if _is_null(base):
        return over
    match base, over:
        case Fields(), Fields():
            return _fields(base, over, path, problems, rule)
        case Items(), Items():
            return Items((*base.items, *over.items), over.place)
        case Scalar(), Scalar():
            return over
    return _mismatched(base, over, path, problems)


def _mismatched(base: Node, over: Node, path: str, problems: Problems) -> Node:
    problems.add(
        over.place, path, f"has another shape than at {base.place}; write both the same way, or tag it !override"
    )
    return base


def _fields(base: Fields, over: Fields, path: str, problems: Problems, rule: Rule) -> Fields:
    fields = dict(base.fields)
    keys = {**base.keys, **over.keys}
    rules = rule if isinstance(rule, Mapping) else {}
    fallback = rules.get("*")
    for key, child in over.fields.items():
        below = fields.get(key)
        if child.tag == RESET:
            fields.pop(key, None)
        elif below is None:
            fields[key] = without_resets(child)
        else:
            fields[key] = _node(below, child, f"{path}.{key}" if path else key, problems, rules.get(key, fallback))
    return Fields(fields, keys, over.place)


def _replace(base: Node, over: Node, path: str, problems: Problems) -> Node:
    return over


def _pairs(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """Mappings and lists of KEY=value mix. A list of something else is kept, to be refused where it stands."""
    if _is_null(over):
        return base
    if _is_null(base):
        return over
    below, above = _as_pairs(base), _as_pairs(over)
    if below is None or above is None:
        return base if below is None and isinstance(base, Items) else over
    return _fields(below, above, path, problems, _SCALARS)


def _as_pairs(node: Node) -> Fields | None:
    match node:
        case Fields():
            return node
        case Items(items=items, place=place):
            fields: dict[str, Node] = {}
            keys: dict[str, Place] = {}
            for item in items:
                if not isinstance(item, Scalar) or not isinstance(item.value, str):
                    return None
                key, equals, value = item.value.partition("=")
                fields[key] = Scalar(value if equals else None, item.place, item.hidden, True)
                keys[key] = item.place
            return Fields(fields, keys, place)
        case _:
            return None


def _sequence(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """A single string counts as a list of one."""
    if _is_null(over):
        return base
    if isinstance(base, Fields) or isinstance(over, Fields):
        return _mismatched(base, over, path, problems)
    return Items((*_as_items(base), *_as_items(over)), over.place)


def _as_items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else () if _is_null(node) else (node,)


def _named(default: Mapping[str, Value]) -> Merge:
    """Lists of names and mappings of names mix; a listed name has the default fields, or null for none."""

    def merge(base: Node, over: Node, path: str, problems: Problems) -> Node:
        below, above = _as_named(base, default), _as_named(over, default)
        if below is None or above is None:
            return base if _is_null(over) else over
        return _fields(below, above, path, problems, None)

    return merge


def _as_named(node: Node, default: Mapping[str, Value]) -> Fields | None:
    if not isinstance(node, Items):
        return node if isinstance(node, Fields) else None
    fields: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for item in node.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            return None
        keys[item.value] = item.place
        inner = {key: Scalar(value, item.place) for key, value in default.items()}
        fields[item.value] = Fields(inner, dict.fromkeys(inner, item.place), item.place) if inner else _null(item.place)
    return Fields(fields, keys, node.place)


def _logging(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """Options of another driver mean nothing to this one."""
    if isinstance(base, Fields) and isinstance(over, Fields):
        below, above = base.fields.get("driver"), over.fields.get("driver")
        if below is None or above is None or _value(below) == _value(above):
            return _fields(base, over, path, problems, None)
    return base if _is_null(over) else over


def _build(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """A string is a context."""
    if _is_null(over):
        return base
    return _node(_as_context(base), _as_context(over), path, problems, _BUILD)


def _as_context(node: Node) -> Node:
    if not isinstance(node, Scalar) or _is_null(node):
        return node
    return Fields({"context": node}, {"context": node.place}, node.place)


def _pools(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """Address pools of one subnet are one pool; as in Compose, those of the base that nothing is over are gone."""
    if not isinstance(base, Items) or not isinstance(over, Items):
        return base if _is_null(over) else over
    below = {_subnet(pool): pool for pool in base.items}
    merged = [_node(below.get(_subnet(pool), pool), pool, path, problems, None) for pool in over.items]
    return Items(tuple(merged), over.place)


def _subnet(pool: Node) -> object:
    subnet = pool.fields.get("subnet") if isinstance(pool, Fields) else None
    return _value(subnet) if subnet is not None else None


def _hosts(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """Mappings and lists of NAME=ADDRESS mix; what the base says in the same words is not said again."""
    if _is_null(over):
        return base
    below, above = _as_hosts(base), _as_hosts(over)
    said = {_value(item) for item in below}
    return Items((*below, *(item for item in above if _value(item) not in said)), over.place)


def _as_hosts(node: Node) -> tuple[Node, ...]:
    if not isinstance(node, Fields):
        return _as_items(node)
    return tuple(_host(name, item) for name, child in node.fields.items() for item in _as_items(child))


def _host(name: str, node: Node) -> Node:
    return replace(node, value=f"{name}={node.value}") if isinstance(node, Scalar) and node.value is not None else node


def _gpus(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """Requests are added; in a file that is overridden `all` is a request, too."""
    if isinstance(base, Scalar) and base.value == "all":
        request = Fields({"count": base}, {"count": base.place}, base.place)
        base = Items((request,), base.place)
    return _node(base, over, path, problems, None)


def _extended_gpus(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """Requests are added; in a service that is extended `all` is a word, and replaced."""
    return over if isinstance(base, Scalar) and not _is_null(over) else _node(base, over, path, problems, None)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _null(place: Place) -> Scalar:
    return Scalar(None, place)


def _value(node: Node) -> object:
    """What tells nodes apart: the value or, where a mapping or a list stands by mistake, where it stands."""
    return node.value if isinstance(node, Scalar) else node.place


_SCALARS: Rule = {"*": _replace}
_LABELS: Rule = {"*": {"labels": _pairs}}
_BUILD: Rule = {
    "args": _pairs,
    "additional_contexts": _pairs,
    "labels": _pairs,
    "extra_hosts": _hosts,
}
_SERVICE: Mapping[str, Rule] = {
    "command": _replace,
    "entrypoint": _replace,
    "environment": _pairs,
    "labels": _pairs,
    "env_file": _sequence,
    "label_file": _sequence,
    "tmpfs": _sequence,
    "dns": _sequence,
    "dns_search": _sequence,
    "extra_hosts": _hosts,
    "sysctls": _pairs,
    "annotations": _pairs,
    "ulimits": {"*": _replace},
    "gpus": _extended_gpus,
    "networks": _named({}),
    "depends_on": _named({"condition": "service_started", "required": True}),
    "build": _build,
    "logging": _logging,
    "healthcheck": {"test": _replace},
}
_READ: Rule = {**_SERVICE, "gpus": _gpus}
_DOCUMENT: Rule = {
    "services": {"*": _READ},
    "networks": {"*": {"labels": _pairs, "ipam": {"config": _pools}}},
    "volumes": _LABELS,
    "configs": _LABELS,
    "secrets": _LABELS,
}
