"""What an engine shows of the inside of its containers and images: the same tests over the fake one and a real one."""

import pytest

from gitopsd.engine_json.comparison import owned_differences
from gitopsd.engine_json.expectation import expected
from gitopsd.model.desired import VolumeMount
from gitopsd.model.errors import NotFound
from tests.contract.grounds import Ground
from tests.engine_json.builders import created, directory, file, sealed, service

PLENTY = 1 << 20


def test_an_instance_shows_what_was_asked_for_field_by_field(ground: Ground) -> None:
    each = service(
        environment={"A": "1"},
        mem_limit="67108864",
        restart="always",
        mounts=[VolumeMount("", "/data")],
        cap_add=["NET_ADMIN"],
    )
    ground.create(each, "volume")
    image = ground.hands.image("volume")
    name = f"{ground.project}-web-1"
    asked = created(each, image, ground.desired(each), name=name)

    wanted = expected(sealed(each, image), asked, name, ground.engine.image_defaults(image.id))

    assert owned_differences(wanted, ground.only().fields) == ()
    assert ground.only().image == image.reference


def test_content_that_was_delivered_can_be_read_back(ground: Ground) -> None:
    container = ground.create(service(mounts=[file("/etc/app.conf"), directory("/tree", {"a": b"1", "b/c": b"2"})]))

    single = ground.engine.read(container, "/etc/app.conf", PLENTY)
    whole = ground.engine.read(container, "/tree", PLENTY)

    assert [(each.path, each.data) for each in single or ()] == [("", b"hello\n")]
    assert sorted((each.path, each.data) for each in whole or ()) == [("a", b"1"), ("b/c", b"2")]


def test_what_is_not_there_or_too_much_is_not_read(ground: Ground) -> None:
    container = ground.create(service(mounts=[file("/etc/app.conf", b"x" * 100)]))

    assert ground.engine.read(container, "/etc/other.conf", PLENTY) is None
    assert ground.engine.read(container, "/etc/app.conf", 99) is None


def test_an_image_says_what_it_lays_under_its_containers(ground: Ground) -> None:
    found = ground.engine.image_defaults(ground.hands.image("volume").id)

    assert found["Volumes"] == {"/data": {}}
    with pytest.raises(NotFound):
        ground.engine.image_defaults("sha256:" + "0" * 64)


def test_a_project_is_known_by_its_containers(ground: Ground) -> None:
    before = ground.engine.projects()

    ground.create(service())

    assert (ground.project in before, ground.project in ground.engine.projects()) == (False, True)


def test_networks_and_volumes_show_their_settings(ground: Ground) -> None:
    each = service()
    ground.desired(each)

    (network,) = ground.engine.observe(ground.project).networks

    assert network.fields["driver"] == "bridge"
