"""`x-gitopsd.schema`: which versions of a database's schema a service works with."""

from collections.abc import Mapping

from gitopsd.manifest.keys.json_schema import mapping_of, takes
from gitopsd.manifest.keys.shapes import Read, read_fields, shown, text, wrong
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.schema import Accepts, accepts_of


@takes(lambda: {**mapping_of(_KEYS), "required": [*_KEYS]})
def schema(node: Node, path: str, problems: Problems) -> Json:
    """`{database: shop, accepts: 14-16}`; both keys are needed."""
    if not isinstance(node, Fields):
        return wrong(node, path, problems, 'a mapping, such as {database: shop, accepts: "14-16"}')
    values = read_fields(node, path, problems, _KEYS)
    for key in _KEYS:
        if key not in node.fields:
            problems.add(node.place, path, f'{key} is missing; write {{database: shop, accepts: "14-16"}}')
    return values if values.keys() == _KEYS.keys() else None


def accepts(chosen: Json) -> Accepts | None:
    """What `schema` has read."""
    return accepts_of(str(chosen["database"]), str(chosen["accepts"])) if isinstance(chosen, Mapping) else None


@takes({"type": ["string", "integer"]})
def _range(node: Node, path: str, problems: Problems) -> Json:
    value = node.value if isinstance(node, Scalar) else None
    written = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    try:
        return accepts_of("", written).words
    except ValueError:
        message = f'expected a version such as 15, or a range such as "14-16", got {shown(node)}'
        problems.add(node.place, path, message)
        return None


_KEYS: Mapping[str, Read] = {"database": text, "accepts": _range}
