"""Binds, volumes, tmpfs and content: what is mounted how, and what is delivered by value."""

from typing import Any

import pytest

from gitopsd.engine_json.container import with_host_files
from gitopsd.engine_json.creation import Archive, HostFile
from gitopsd.model.desired import Bind, ContentFile, Image, ImageMount, Mount, Tmpfs, VolumeMount
from gitopsd.model.errors import ManifestError
from tests.engine_json.builders import IMAGE, created, directory, file, host, service

WITH_VOLUME = Image("shop/db:1", "sha256:4444", volumes=("/data", "/var/lib/db"))


def mount(kind: str, target: str, source: str = "", read_only: bool = False, **options: Any) -> dict[str, Any]:
    found = {"Type": kind, "Target": target, "ReadOnly": read_only, **options}
    return {**found, "Source": source} if source else found


@pytest.mark.parametrize(
    ("bind", "text"),
    [
        (Bind("/srv/data", "/data"), "/srv/data:/data:rw"),
        (Bind("/srv/data", "/data", read_only=True), "/srv/data:/data:ro"),
        (Bind("/srv/data", "/data", selinux="z", propagation="rshared"), "/srv/data:/data:rw,z,rshared"),
        (Bind("/srv/data", "/data", create_host_path=False, selinux="Z"), "/srv/data:/data:rw,Z"),
    ],
)
def test_a_bind_is_written_short_so_that_every_engine_makes_a_missing_path(bind: Bind, text: str) -> None:
    made = created(service(mounts=[bind]))

    assert host(made)["Binds"] == [text]
    assert "Mounts" not in host(made)


def test_a_bind_whose_path_must_exist_is_written_long() -> None:
    made = created(service(mounts=[Bind("/srv", "/data", create_host_path=False, propagation="rslave")]))

    assert host(made)["Mounts"] == [mount("bind", "/data", "/srv", BindOptions={"Propagation": "rslave"})]
    assert "Binds" not in host(made)


def test_a_path_with_a_colon_needs_an_engine_that_can_make_it_in_the_long_form() -> None:
    each = service(mounts=[Bind("/srv/a:b", "/data")])

    with pytest.raises(ManifestError, match=r"create_host_path needs engine API 1\.42"):
        created(each, api=(1, 41))
    assert host(created(each, api=(1, 42)))["Mounts"] == [
        mount("bind", "/data", "/srv/a:b", BindOptions={"CreateMountpoint": True})
    ]


def test_volumes_bear_the_engines_names() -> None:
    mounts = [VolumeMount("data", "/data"), VolumeMount("logs", "/logs", read_only=True, nocopy=True)]

    assert host(created(service(mounts=mounts)))["Mounts"] == [
        mount("volume", "/data", "shop_data"),
        mount("volume", "/logs", "shop_logs", read_only=True, VolumeOptions={"NoCopy": True}),
    ]


@pytest.mark.parametrize(
    ("recursive", "option"),
    [("disabled", "NonRecursive"), ("writable", "ReadOnlyNonRecursive"), ("readonly", "ReadOnlyForceRecursive")],
)
def test_what_becomes_of_mounts_below_a_bind_is_said_in_the_long_form(recursive: str, option: str) -> None:
    bind = Bind("/srv", "/data", read_only=True, create_host_path=False, recursive=recursive)

    assert host(created(service(mounts=[bind]), api=(1, 44)))["Mounts"] == [
        mount("bind", "/data", "/srv", read_only=True, BindOptions={option: True})
    ]


def test_binds_are_recursive_unless_told_otherwise() -> None:
    assert host(created(service(mounts=[Bind("/srv", "/data", recursive="enabled")])))["Binds"] == ["/srv:/data:rw"]


def test_an_anonymous_volume_bears_the_labels_of_its_mount() -> None:
    made = created(service(mounts=[VolumeMount("", "/cache", labels={"team": "shop"})]))

    assert host(made)["Mounts"] == [mount("volume", "/cache", VolumeOptions={"Labels": {"team": "shop"}})]


def test_files_of_another_image_are_mounted_whole_or_in_part() -> None:
    mounts = [ImageMount("shop/files:1", "/files"), ImageMount("shop/files:1", "/bin2", subpath="bin")]

    assert host(created(service(mounts=mounts), api=(1, 48)))["Mounts"] == [
        mount("image", "/files", "shop/files:1"),
        mount("image", "/bin2", "shop/files:1", ImageOptions={"Subpath": "bin"}),
    ]


def test_a_part_of_a_volume_needs_an_engine_that_does_not_mount_all_of_it() -> None:
    each = service(mounts=[VolumeMount("data", "/data", subpath="a/b")])

    with pytest.raises(ManifestError, match=r"volume\.subpath needs engine API 1\.45, this engine speaks 1\.44"):
        created(each, api=(1, 44))
    assert host(created(each, api=(1, 45)))["Mounts"] == [
        mount("volume", "/data", "shop_data", VolumeOptions={"Subpath": "a/b"})
    ]


def test_a_tmpfs_in_the_long_form_has_its_size_and_mode() -> None:
    mounts = [Tmpfs("/t", size=1024, mode=0o700), Tmpfs("/u")]

    assert host(created(service(mounts=mounts)))["Mounts"] == [
        mount("tmpfs", "/t", TmpfsOptions={"SizeBytes": 1024, "Mode": 0o700}),
        mount("tmpfs", "/u"),
    ]


def test_a_tmpfs_that_the_options_hold_too_is_mounted_once() -> None:
    made = created(service(mounts=[Tmpfs("/run")], tmpfs=["/run:size=1m,noexec"]))

    assert host(made)["Tmpfs"] == {"/run": "size=1m,noexec"}
    assert "Mounts" not in host(made)


def test_anonymous_volumes_of_service_and_image_are_carried_by_name() -> None:
    each = service(mounts=[VolumeMount("", "/cache"), VolumeMount("named", "/var/lib/db")])
    carry = {"/cache": "1a", "/data": "2b", "/var/lib/db": "3c", "/gone": "4d"}

    assert host(created(each, WITH_VOLUME, carry=carry))["Mounts"] == [
        mount("volume", "/cache", "1a"),
        mount("volume", "/var/lib/db", "shop_named"),
        mount("volume", "/data", "2b"),
    ]


def test_without_anything_to_carry_the_engine_makes_new_anonymous_volumes() -> None:
    made = created(service(mounts=[VolumeMount("", "/cache")]), WITH_VOLUME)

    assert host(made)["Mounts"] == [mount("volume", "/cache")]


def test_content_of_an_earlier_release_is_not_carried_as_data() -> None:
    made = created(service(mounts=[VolumeMount("", "/cache")]), carry={"/cache": "gitopsd-content-ff"})

    assert host(made)["Mounts"] == [mount("volume", "/cache")]


def test_a_single_file_goes_into_the_writable_layer() -> None:
    made = created(service(mounts=[file("/run/secrets/token", b"s3cret", mode=0o400, secret=True)]))

    assert made.archives == (Archive("/", (ContentFile("run/secrets/token", b"s3cret", 0o400),)),)
    assert (made.volumes, made.host_files) == ((), ())
    assert b"s3cret" not in str(made.body).encode()


def test_a_directory_is_a_volume_mounted_whole_and_read_only() -> None:
    made = created(service(mounts=[directory("/etc/app", {"a": b"1", "deep/b": b"2"})]))

    (volume,) = made.volumes
    assert volume.name == f"gitopsd-content-{volume.labels['gitopsd.content']}"
    assert volume.labels["gitopsd.environment"] == "production"
    assert [each.path for each in volume.files] == ["a", "deep/b"]
    assert host(made)["Mounts"] == [
        mount("volume", "/etc/app", volume.name, read_only=True, VolumeOptions={"NoCopy": True})
    ]


def test_the_carrier_of_a_content_volume_leaves_no_anonymous_volumes_behind() -> None:
    (volume,) = created(service(mounts=[directory("/etc/app", {"a": b"1"})]), WITH_VOLUME).volumes

    carrier: Any = volume.carrier
    assert carrier["Image"] == "sha256:4444"
    assert carrier["Labels"]["gitopsd.carrier"] == "true"
    assert carrier["HostConfig"]["Mounts"][1:] == [
        {"Type": "tmpfs", "Target": "/data"},
        {"Type": "tmpfs", "Target": "/var/lib/db"},
    ]


def test_a_file_under_a_read_only_root_is_part_of_a_volume_where_the_engine_can() -> None:
    made = created(service(mounts=[file("/etc/app.conf")], read_only=True), api=(1, 45))

    (volume,) = made.volumes
    assert [each.path for each in volume.files] == ["app.conf"]
    assert host(made)["Mounts"] == [
        mount(
            "volume",
            "/etc/app.conf",
            volume.name,
            read_only=True,
            VolumeOptions={"NoCopy": True, "Subpath": "app.conf"},
        )
    ]
    assert made.host_files == ()


def test_a_file_under_a_read_only_root_is_bound_by_its_host_path_on_an_older_engine() -> None:
    made = created(service(mounts=[file("/etc/app.conf"), Bind("/srv", "/srv")], read_only=True), api=(1, 44))

    (volume,) = made.volumes
    assert made.host_files == (HostFile(volume.name, "app.conf", "/etc/app.conf"),)
    assert host(made)["Mounts"] == [
        mount(
            "volume",
            f"/.gitopsd/{volume.labels['gitopsd.content']}",
            volume.name,
            read_only=True,
            VolumeOptions={"NoCopy": True},
        )
    ]

    body: Any = with_host_files(made, {volume.name: "/docker/volumes/x/_data"})

    assert body["HostConfig"]["Binds"] == ["/srv:/srv:rw", "/docker/volumes/x/_data/app.conf:/etc/app.conf:ro"]


def test_a_file_in_a_volume_of_the_image_is_mounted_and_not_written_into_the_volume() -> None:
    made = created(service(mounts=[file("/data/conf/app.conf")]), WITH_VOLUME)

    assert made.archives == ()
    assert [each.target for each in made.host_files] == ["/data/conf/app.conf"]


HIDING: list[tuple[Mount, str]] = [
    (Tmpfs("/etc/app"), "/etc/app is a tmpfs"),
    (VolumeMount("data", "/etc"), "/etc is a volume"),
    (VolumeMount("", "/etc/app/"), "/etc/app/ is a volume"),
    (Bind("/srv", "/etc/app"), "/etc/app is a directory of the host"),
    (ImageMount("shop/files:1", "/etc/app"), "/etc/app is an image"),
    (directory("/etc/app", {"a": b""}), "/etc/app is other content"),
]


@pytest.mark.parametrize(("other", "words"), HIDING, ids=lambda value: str(value)[:40])
def test_content_below_another_mount_is_an_error_with_its_place(other: Mount, words: str) -> None:
    with pytest.raises(ManifestError) as refused:
        created(service(mounts=[file("/etc/app/app.conf"), other]), api=(1, 48))

    assert str(refused.value) == (
        f"compose.yaml:3:5: services.web: './file' cannot be delivered to /etc/app/app.conf: {words}; "
        "choose a target outside of it"
    )


def test_a_tmpfs_of_the_short_form_hides_content_too() -> None:
    with pytest.raises(ManifestError, match="/run is a tmpfs"):
        created(service(mounts=[file("/run/secrets/token")], tmpfs=["/run:size=1m"]))


def test_content_beside_another_mount_is_fine() -> None:
    made = created(service(mounts=[file("/etc/app.conf"), VolumeMount("data", "/etc/app")]))

    assert len(made.archives) == 1


def content_name(**changes: Any) -> str:
    given: dict[str, Any] = {"files": {"a": b"1"}, "key": b"k", "environment": "production", **changes}
    each = service(mounts=[directory("/etc/app", given["files"])])
    (volume,) = created(each, key=given["key"], environment=given["environment"]).volumes
    return volume.name


def test_a_content_volume_is_named_by_environment_and_content_with_a_key() -> None:
    assert content_name() == content_name()
    others = [
        content_name(files={"a": b"2"}),
        content_name(files={"b": b"1"}),
        content_name(files={"a": b"1", "b": b""}),
        content_name(key=b"other"),
        content_name(environment="staging"),
    ]
    assert len({content_name(), *others}) == 6


def test_the_order_of_files_does_not_name_another_volume() -> None:
    assert content_name(files={"a": b"1", "b": b"2"}) == content_name(files={"b": b"2", "a": b"1"})


def test_secret_content_without_a_key_is_never_named() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        created(service(mounts=[file("/etc/token", secret=True)], read_only=True), key=b"")


def test_two_mounts_of_one_content_share_a_volume() -> None:
    mounts = [directory("/a", {"x": b"1"}), directory("/b", {"x": b"1"})]

    made = created(service(mounts=mounts), IMAGE)

    assert len(made.volumes) == 1
    assert [each["Target"] for each in host(made)["Mounts"]] == ["/a", "/b"]
