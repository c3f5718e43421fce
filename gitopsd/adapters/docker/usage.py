"""What containers use. An engine takes up to a second for each answer, so all are asked at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.model.errors import NotFound
from gitopsd.model.live import Used

AT_ONCE: Final = 8
# Without `one-shot` an engine waits for a second sample, to tell how fast the time of processors grows.
ONE_SAMPLE: Final = {"stream": "false", "one-shot": "true"}


def used(connection: Connection, containers: Sequence[str]) -> dict[str, Used]:
    """Of those that run."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="usage") as pool:
        answers: Mapping[str, Used | None] = dict(
            zip(containers, pool.map(lambda each: _used(connection, each), containers), strict=True)
        )
    return {container: found for container, found in answers.items() if found is not None}


def _used(connection: Connection, container: str) -> Used | None:
    doing = f"ask what {container} uses"
    try:
        answer = connection.json("GET", f"/containers/{escaped(container)}/stats", doing=doing, params=ONE_SAMPLE)
    except NotFound:
        return None
    with understood(doing):
        return live.used(answer)
