"""`max_surge` and `max_unavailable`, which say what `deploy.update_config.parallelism` says, and together more."""

import re
from collections.abc import Mapping
from typing import Final

from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.keys.deploy import MOST_REPLICAS
from gitopsd.manifest.keys.json_schema import either, matching, takes
from gitopsd.manifest.keys.shapes import shown
from gitopsd.manifest.node import Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Amount
from gitopsd.model.errors import Place

ROOM: Final = ("max_surge", "max_unavailable")
_SHARE: Final = re.compile(r"(\d{1,3})%")


@takes(either({"type": "integer", "minimum": 0, "maximum": MOST_REPLICAS}, matching(_SHARE)))
def amount(node: Node, path: str, problems: Problems) -> Json:
    """A number of instances, or a share such as 25%."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_REPLICAS:
        return value
    share = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if share and int(share[1]) <= 100:
        return f"{int(share[1])}%"
    problems.add(node.place, path, f"expected a number of instances or a share such as 25%, got {shown(node)}")
    return None


def amount_of(chosen: Json) -> Amount | None:
    """The amount that `amount` has read."""
    if isinstance(chosen, str):
        return Amount(int(chosen.removesuffix("%")), percent=True)
    return Amount(chosen) if isinstance(chosen, int) else None


def choose_room(
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
) -> None:
    """Takes over what is written; a contradiction to the order, or to `parallelism`, is told."""
    written = {key: values[key] for key in ROOM if values.get(key) is not None}
    for key, value in written.items():
        chosen.put(key, value, str(places[key]))
        if contradiction := _contradiction(key, written, chosen):
            problems.add(places[key], f"{service.path}.{EXTENSION}.{key}", contradiction)


def _contradiction(key: str, written: Mapping[str, Json], chosen: Chosen) -> str:
    order, nothing = chosen.values["order"], (0, "0%")
    if key == "max_unavailable" and chosen.values["strategy"] == "recreate":
        return "recreate takes all at once; remove it, or write strategy: rolling"
    if key == "max_surge" and order == "stop-first" and written[key] not in nothing:
        return f"the order is stop-first ({chosen.origins['order']}), where none is added; remove it"
    if key == "max_surge" and order == "start-first" and written[key] in nothing:
        return "order: start-first needs room for one more; raise it, or write order: stop-first"
    if written[key] in nothing and written.get(next(each for each in ROOM if each != key)) in nothing:
        return "max_surge and max_unavailable cannot both be 0: nothing could ever be replaced; raise one of them"
    meant = "max_unavailable" if order == "stop-first" else "max_surge"
    parallelism = chosen.values["parallelism"]
    if key == meant and chosen.origins["parallelism"] != "default" and written[key] != parallelism:
        return f"deploy.update_config.parallelism says {parallelism} for the same; remove one of the two"
    return ""
