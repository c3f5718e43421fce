"""What engines of several ages say is read alike: the same six containers, as each of them showed them."""

from typing import Any

import pytest

from gitopsd.engine_json import live
from gitopsd.engine_json.comparison import owned_differences
from gitopsd.engine_json.expectation import expected
from gitopsd.model.desired import Image
from gitopsd.model.live import Instance
from tests.engine_json.builders import created, sealed
from tests.engine_json.inspected import PROJECT, Api, answers, engines, image_of, services, state_of

NAMES = tuple(services((1, 41)))


@pytest.fixture(params=engines())
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The answers of one engine."""
    return dict(answers(request.param))


def api_of(said: dict[str, Any]) -> Api:
    major, minor = said["version"]["ApiVersion"].split(".")
    return int(major), int(minor)


def an_image(said: dict[str, Any], kind: str) -> Image:
    return live.image(f"gitopsd-recorded/{kind}:1", said[f"image-{kind}"])


def seen(said: dict[str, Any], name: str) -> Instance:
    return live.instance(said[f"container-{name}"])


def test_state_and_health_are_read(said: dict[str, Any]) -> None:
    found = {name: seen(said, name) for name in NAMES}

    assert {name: (each.state, each.check) for name, each in found.items()} == {
        "web": ("running", "healthy"),
        "plain": ("running", "none"),
        "sick": ("running", "unhealthy"),
        "done": ("exited", "none"),
        "waiting": ("created", "none"),
        "hosts": ("running", "none"),
    }
    assert (found["sick"].check_output, found["done"].exit_code) == ("no", 3)
    assert found["web"].started_at is not None
    assert found["done"].finished_at is not None
    assert found["waiting"].started_at is None
    assert (found["web"].restart_policy, found["plain"].restart_policy) == ("unless-stopped", "no")


def test_who_it_is_is_read_from_labels(said: dict[str, Any]) -> None:
    for name in NAMES:
        instance = seen(said, name)
        assert (instance.name, instance.service, instance.slot) == (f"{PROJECT}-{name}-1", name, 1)
        assert (instance.environment, instance.fingerprint, instance.release) == ("production", "v1:abc", 7)


def test_volumes_are_read_with_the_anonymous_ones_and_without_what_is_none(said: dict[str, Any]) -> None:
    volumes = seen(said, "web").volumes
    part = {"/part"} if api_of(said) >= (1, 45) else set()
    assert set(volumes) == {"/data", "/again", "/anonymous", "/cache"} | part
    assert {volumes["/data"], volumes["/again"]} == {f"{PROJECT}_data"}
    assert len(volumes["/anonymous"]) == len(volumes["/cache"]) == 64


def test_networks_are_read_by_name_with_the_aliases_that_were_asked_for(said: dict[str, Any]) -> None:
    instance = seen(said, "web")
    assert instance.networks == {f"{PROJECT}_front", f"{PROJECT}_back"}
    networks: Any = instance.fields["networks"]
    assert {name: each["aliases"] for name, each in networks.items()} == {
        f"{PROJECT}_front": ["shop"],
        f"{PROJECT}_back": ["api", "intern"],
    }
    assert seen(said, "hosts").networks == {"host"}


def test_images_are_known_by_what_their_containers_bear(said: dict[str, Any]) -> None:
    for name in NAMES:
        assert seen(said, name).image_id == an_image(said, image_of(name)).id
    web = an_image(said, "web")
    assert (web.volumes, web.healthcheck) == (("/cache",), False)
    assert web.identity == web.id


@pytest.mark.parametrize("name", NAMES)
def test_nothing_differs_from_what_was_asked_for(said: dict[str, Any], name: str) -> None:
    api, image = api_of(said), an_image(said, image_of(name))
    state = state_of(api)
    each = state.services[name]
    defaults = live.image_defaults(said[f"image-{image_of(name)}"])
    made = created(each, image, state, api=api)

    wanted = expected(sealed(each, image), made, f"{PROJECT}-{name}-1", defaults)

    assert owned_differences(wanted, seen(said, name).fields) == ()


def test_networks_and_volumes_are_listed_with_what_they_were_made_from(said: dict[str, Any]) -> None:
    networks = {each.name: each for each in map(live.network, said["networks"])}
    (volume,) = map(live.volume, said["volumes"]["Volumes"])
    assert set(networks) == {f"{PROJECT}_{key}" for key in ("default", "front", "back")}
    assert all(len(each.options_digest) == 64 for each in networks.values())
    assert networks[f"{PROJECT}_back"].fields["internal"] is True
    assert volume.name == f"{PROJECT}_data"
    assert len(volume.options_digest) == 64
