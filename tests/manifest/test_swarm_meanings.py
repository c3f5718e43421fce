"""What a key means on a swarm, by the words of who asks; what is refused there says so in the words of the refusal."""

import pytest

from gitopsd.manifest.swarm import _EXTENSIONS, _MENDS, is_done, refusal_of
from gitopsd.manifest.swarm_meanings import explained_keys, on_a_swarm
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_state

_ELSEWHERE = ("swarm", "target")  # of gitopsd.yaml


@pytest.mark.parametrize("key", explained_keys())
def test_a_key_that_is_explained_is_one_that_a_swarm_takes(key: str) -> None:
    assert refusal_of(key) == ""
    assert on_a_swarm(key)
    top = key.partition(".")[0]
    assert is_done(top) or key in _ELSEWHERE or _is_extension(key)


def _is_extension(key: str) -> bool:
    """Whether it is a key of gitopsd's own, of a service or of an environment."""
    said = f"x-gitopsd: {{{key}: {{no: [such]}}}}"
    return any(map(_knows, (f"services: {{web: {{image: nginx, {said}}}}}", f"services: {{}}\n{said}"), [key] * 2))


def _knows(text: str, key: str) -> bool:
    with pytest.raises(ManifestError) as refused:
        a_state(text, swarm=True)
    unknown = (each.path for each in refused.value.problems if "unknown key" in each.message)
    return not any(path.endswith(f"x-gitopsd.{key}") for path in unknown)


@pytest.mark.parametrize("key", [*_MENDS, *_EXTENSIONS])
def test_a_key_that_is_refused_is_explained_by_its_refusal(key: str) -> None:
    assert on_a_swarm(key) == f"refused: {refusal_of(key)}"


def test_what_is_part_of_a_key_means_what_the_key_does_and_all_else_what_it_means_everywhere() -> None:
    assert on_a_swarm("deploy.resources.limits.memory") == on_a_swarm("deploy.resources")
    assert on_a_swarm("health.http") == on_a_swarm("health")
    assert (on_a_swarm("image"), on_a_swarm("environment.COLOUR"), on_a_swarm("")) == ("", "", "")
