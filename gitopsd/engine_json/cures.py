"""What it takes to bring a field of a live container back: a call on it as it is, or a new container."""

from collections.abc import Iterable, Mapping
from typing import Final

from gitopsd.engine_json.comparison import Path
from gitopsd.engine_json.delivered import ROWS
from gitopsd.engine_json.field import Field
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.projection import Projection
from gitopsd.model.canonical import Json
from gitopsd.model.cure import Cure

# Of all limits an engine takes only these away again; for the others it answers 200 and changes nothing.
_LIFTS: Final[Mapping[str, Mapping[str, Json]]] = {
    "resources.pids": {"PidsLimit": -1},
    "resources.cpu_shares": {"CpuShares": 1024},
    "restart": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
}
# What an update of the memory sets with it.
_ALONG: Final[Mapping[str, str]] = {"resources.memory_swap": "resources.memory"}


def cure_of(path: Path, field: Field, before: Projection) -> Cure:
    """The cure of a field that should be as it was `before`."""
    if field.path in ROWS and path[-1] not in mapping(before.get(field.path)):
        return "none"  # no call of an engine takes a file away
    if field.cure != "in-place" or path[0] in before or path[0] in _LIFTS or path[0] == "networks":
        return field.cure
    return "in-place" if _ALONG.get(path[0]) in before else "recreate"


def lift_body(paths: Iterable[str]) -> dict[str, Json]:
    """The JSON of `POST /containers/ID/update` that takes limits away which no specification sets."""
    return {name: value for path in paths for name, value in _LIFTS.get(path, {}).items()}


def updated_paths(names: Iterable[str]) -> tuple[str, ...]:
    """The paths of fields by the names that an update gives them: `PidsLimit` is `resources.pids`."""
    wanted = {f"HostConfig.{name}" for name in names}
    return tuple(row.path for row in FIELDS["container"] if row.at in wanted)
