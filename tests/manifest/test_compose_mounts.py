"""Mounts: what the revision holds is content, what it does not hold is host data, and secrets stay secret."""

import pytest

from gitopsd.manifest import load
from gitopsd.model.desired import Bind, Content, ContentFile, ContentMount, Tmpfs, VolumeMount
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_revision, a_service, a_state

SECRET = "k3epIt-to-yourself"


def test_a_file_of_the_revision_is_content() -> None:
    service = a_service('volumes: ["./app.ini:/etc/app.ini"]', {"app.ini": "a = 1"})

    content = Content((ContentFile("", b"a = 1", 0o644),), directory=False)
    assert service.mounts == (ContentMount("/etc/app.ini", content, "shop/app.ini"),)


def test_a_directory_of_the_revision_is_content_with_its_modes() -> None:
    manifest = 'services: {web: {image: i, volumes: ["./conf:/conf:ro"]}}'
    files = {"shop/compose.yaml": manifest, "shop/conf/a": "1", "shop/conf/bin/run": "2"}

    state = load(a_revision(files, executable=frozenset({"shop/conf/bin/run"})), "shop", "production")

    content = Content((ContentFile("a", b"1", 0o644), ContentFile("bin/run", b"2", 0o755)), directory=True)
    assert state.services["web"].mounts == (ContentMount("/conf", content, "shop/conf"),)


@pytest.mark.parametrize("files", [{}, {"data/.gitkeep": ""}])
def test_what_the_revision_does_not_hold_is_host_data(files: dict[str, str]) -> None:
    service = a_service('volumes: ["./data:/data"]', files)

    assert service.mounts == (Bind("/srv/gitopsd/production/data", "/data"),)


def test_host_data_lies_where_the_settings_say() -> None:
    service = a_service('volumes: ["./data/files:/data:ro,z"]', host_dir="/srv/shop")

    assert service.mounts == (Bind("/srv/shop/data/files", "/data", read_only=True, selinux="z"),)


def test_host_data_beside_the_environment_is_refused() -> None:
    with pytest.raises(ManifestError, match="lies outside /srv/gitopsd/production; write an absolute path"):
        a_service('volumes: ["../data:/data"]')


def test_an_absolute_path_is_host_data_as_it_stands() -> None:
    long = "{type: bind, source: /b, target: /b, bind: {propagation: rslave}}"

    service = a_service(f'volumes: ["/a/../x:/a", {long}]')

    assert service.mounts == (Bind("/x", "/a"), Bind("/b", "/b", create_host_path=False, propagation="rslave"))


@pytest.mark.parametrize(
    ("bind", "made"), [("", True), (", bind: {}", False), (", bind: {create_host_path: true}", True)]
)
def test_a_missing_path_is_made_as_compose_makes_it(bind: str, made: bool) -> None:
    service = a_service(f"volumes: [{{type: bind, source: /b, target: /b{bind}}}]")

    assert service.mounts == (Bind("/b", "/b", create_host_path=made),)


def test_volumes_and_tmpfs() -> None:
    long = "{type: volume, source: data, target: /b, read_only: true, volume: {nocopy: true, subpath: s}}"
    tmpfs = "{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0o700}}"

    service = a_service(f'volumes: ["data:/a", /anonymous, {long}, {tmpfs}]', top="volumes: {data: }")

    assert service.mounts == (
        VolumeMount("data", "/a"),
        VolumeMount("", "/anonymous"),
        VolumeMount("data", "/b", read_only=True, nocopy=True, subpath="s"),
        Tmpfs("/t", 1 << 20, 0o700),
    )


def test_configs_and_secrets_have_the_targets_of_compose() -> None:
    keys = "configs: [c, {source: c, target: /etc/c, mode: 0o400}], secrets: [s, {source: s, target: key}]"
    top = "configs: {c: {file: ./c.txt}}\nsecrets: {s: {file: ./s.txt}}"

    mounts = a_service(keys, {"c.txt": "c", "s.txt": "s"}, top).mounts

    assert [(mount.target, mount.content.files[0].mode, mount.content.secret) for mount in mounts] == [
        ("/c", 0o444, False),
        ("/etc/c", 0o400, False),
        ("/run/secrets/s", 0o444, True),
        ("/run/secrets/key", 0o444, True),
    ]


def test_content_and_variables_fill_configs() -> None:
    top = 'configs: {a: {content: "name=${NAME}, 5$$"}, b: {environment: NAME}}'

    mounts = a_service("configs: [a, b]", {".env": "NAME=shop"}, top).mounts

    assert [mount.content.files[0].data for mount in mounts] == [b"name=shop, 5$", b"shop"]
    assert not any(mount.content.secret for mount in mounts)


def test_what_is_made_from_hidden_variables_is_secret() -> None:
    top = 'configs: {a: {content: "key=${KEY}"}, b: {environment: KEY}, c: {content: "${OTHER:-x}"}}'

    mounts = a_service("configs: [a, b, c]", top=top, variables={"KEY": SECRET}).mounts

    assert [mount.content.secret for mount in mounts] == [True, True, False]


def test_a_secret_from_a_variable_that_is_not_set_holds_the_release() -> None:
    state = a_state("services: {web: {image: i, secrets: [s]}}\nsecrets: {s: {environment: TOKEN}}")

    assert [str(problem) for problem in state.unset] == [
        "shop/compose.yaml:2:11: secrets.s.environment: the variable TOKEN is not set; set it in .env or vars_file"
    ]


def test_two_mounts_with_one_target_are_refused() -> None:
    with pytest.raises(ManifestError, match="two mounts have the target /c"):
        a_service('volumes: ["/x:/c"], configs: [c]', top="configs: {c: {content: x}}")


def test_content_of_an_included_directory_comes_from_there() -> None:
    files = {
        "compose.yaml": "include: [../base/compose.yaml]",
        "../base/compose.yaml": 'services: {web: {image: i, volumes: ["./conf:/conf"], configs: [c]}}\n'
        "configs: {c: {file: ./c}}",
        "../base/conf/a": "a",
        "../base/c": "c",
    }
    contents = {path.removeprefix("../") if path.startswith("../") else f"shop/{path}": files[path] for path in files}

    state = load(a_revision(contents), "shop", "production")

    assert [mount.source for mount in state.services["web"].mounts] == ["base/conf", "../base/c"]
