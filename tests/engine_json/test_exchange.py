"""Files that are exchanged in place: volumes, links that lead there, and targets that cannot be had."""

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.engine_json import exchange_problems
from gitopsd.model.desired import Image, Tmpfs
from tests.engine_json.builders import IMAGE, created, exchanged, file, host, service


def mounts(made: Any) -> dict[str, str]:
    return {each["Target"]: each["Source"] for each in host(made)["Mounts"]}


def test_the_containers_own_layer_has_links_into_one_volume() -> None:
    made = created(service(mounts=[exchanged("/etc/app.conf"), exchanged("/srv/flags.yaml")]))

    (volume,) = made.exchanged
    assert mounts(made) == {"/.gitopsd/exchanged": volume.name}
    assert volume.links == {
        "/etc/app.conf": "/.gitopsd/exchanged/..data/etc/app.conf",
        "/srv/flags.yaml": "/.gitopsd/exchanged/..data/srv/flags.yaml",
    }
    assert [each.path for each in volume.files] == ["etc/app.conf", "srv/flags.yaml"]


def test_a_read_only_container_has_a_volume_in_place_of_each_directory() -> None:
    files = [exchanged("/etc/app/a.conf"), exchanged("/etc/app/b.conf"), exchanged("/srv/x/flags.yaml")]
    made = created(service(mounts=files, read_only=True))

    assert sorted(mounts(made)) == ["/etc/app", "/srv/x"]
    assert [dict(each.inner) for each in made.exchanged] == [
        {"a.conf": "..data/a.conf", "b.conf": "..data/b.conf"},
        {"flags.yaml": "..data/flags.yaml"},
    ]


def test_the_volume_is_the_same_whatever_the_files_hold_and_another_for_other_content_beside() -> None:
    old, new = (created(service(mounts=[exchanged("/etc/a", data)])) for data in (b"old", b"new"))
    other = created(service(mounts=[exchanged("/etc/a", b"new")]), fingerprint="v1:def")

    assert mounts(old) == mounts(new) != mounts(other)


def test_nothing_of_the_files_stands_in_what_the_engine_shows() -> None:
    made = created(service(mounts=[exchanged("/etc/a", b"a canary", secret=True)]))

    shown = str((made.body, [(each.name, each.labels, each.carrier) for each in made.exchanged]))
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("targets", "options", "volumes", "message"),
    [
        (["/etc/app.conf"], {"read_only": True}, (), "so /etc would have to be replaced as a whole"),
        (["/app.conf"], {"read_only": True}, (), "so / would have to be replaced as a whole"),
        (["/data/app.conf"], {}, ("/data",), "it lies in the image's volume"),
        (["/etc/app/app.conf"], {"read_only": True, "tmpfs": ["/etc/app/run"]}, (), "/etc/app/run lies there"),
    ],
)
def test_a_target_that_would_take_something_else_away_is_told(
    targets: list[str], options: dict[str, Any], volumes: tuple[str, ...], message: str
) -> None:
    (problem,) = exchange_problems(service(mounts=[exchanged(each) for each in targets], **options), volumes)

    assert message in problem.message


def test_content_beside_a_file_of_a_read_only_container_is_told() -> None:
    beside = service(mounts=[exchanged("/etc/app/a"), file("/etc/app/b"), Tmpfs("/run")], read_only=True)

    (problem,) = exchange_problems(beside)

    assert "/etc/app/b lies there; choose a target elsewhere" in problem.message


def test_a_directory_of_its_own_in_an_images_volume_is_fine() -> None:
    image = replace(IMAGE, volumes=("/data",))
    made = created(service(mounts=[exchanged("/data/conf/a")]), Image(image.reference, image.id, volumes=image.volumes))

    assert "/data/conf" in mounts(made)
