"""Projections that may be written down: keyed hashes stand for all that may be secret."""

from collections.abc import Collection, Mapping
from functools import lru_cache

from gitopsd.engine_json.field import Field
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.projection import Projection
from gitopsd.model.canonical import Json, keyed_digest


def hidden_projection(projection: Projection, key: bytes, keys: Collection[str] = ()) -> dict[str, Json]:
    """The projection of a container with `{"hidden": DIGEST}` for secret values.

    Secret are the fields that the table calls so, and those behind which one of the Compose keys `keys` stands: their
    values are of secret origin.
    """
    secret = _secret_paths(frozenset(keys))
    return {path: _hidden(value, key) if path in secret else value for path, value in projection.items()}


@lru_cache(maxsize=1024)  # as many as there are different sets of secret keys; each look at each container asks
def _secret_paths(keys: frozenset[str]) -> frozenset[str]:
    return frozenset(row.path for row in FIELDS["container"] if row.secret or _from(row, keys))


def _from(row: Field, keys: Collection[str]) -> bool:
    return any(written.partition(".")[0] in keys for written in row.keys)


def _hidden(value: Json, key: bytes) -> Json:
    """Maps keep their keys: what is secret is a variable's value, not that there is one."""
    if isinstance(value, Mapping):
        return {name: {"hidden": keyed_digest(key, each)} for name, each in value.items()}
    return {"hidden": keyed_digest(key, value)}
