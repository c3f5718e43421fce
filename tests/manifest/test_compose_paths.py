"""What a manifest may reach: files inside the repository, also through links, and nothing else."""

import pytest

from gitopsd.manifest import load
from gitopsd.model.desired import ContentMount, DesiredState
from gitopsd.model.errors import ManifestError
from gitopsd.model.files import Files
from tests.manifest.compose_builders import a_revision

BIND = 'services: {web: {image: i, volumes: ["./conf:/conf"]}}'
ENV_FILE = "services: {web: {image: i, env_file: linked.env}}"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def loaded(files: Files) -> DesiredState:
    return load(files, "shop", "production")


def refusal(files: Files) -> str:
    with pytest.raises(ManifestError) as raised:
        loaded(files)
    return str(raised.value)


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "/proc/self/environ", "/var/run/docker.sock", "../../outside", "../../../etc", "conf/../../../x"],
)
def test_a_link_that_leaves_the_repository_is_refused_by_name(target: str) -> None:
    said = refusal(a_revision({"shop/compose.yaml": BIND}, links={"shop/conf": target}))

    assert "services.web.volumes[0]: OutOfBoundsSymlink" in said
    assert "'shop/conf'" in said


def test_a_chain_of_links_that_leaves_the_repository_is_refused() -> None:
    links = {"shop/linked.env": "one", "shop/one": "../two", "two": "../three"}

    assert "OutOfBoundsSymlink: the symbolic link" in refusal(a_revision({"shop/compose.yaml": ENV_FILE}, links=links))


def test_a_loop_of_links_is_refused() -> None:
    links = {"shop/linked.env": "other.env", "shop/other.env": "linked.env"}

    assert "runs through a loop" in refusal(a_revision({"shop/compose.yaml": ENV_FILE}, links=links))


def test_a_link_inside_the_repository_is_followed() -> None:
    contents = {"shop/compose.yaml": ENV_FILE, "common/real.env": "A=1"}
    links = {"shop/linked.env": "../shared/real.env", "shared": "common"}

    state = loaded(a_revision(contents, links=links))

    assert state.services["web"].options["environment"] == {"A": "1"}


def test_the_input_digest_sees_the_link_and_what_is_behind_it() -> None:
    def files(target: str, value: str) -> Files:
        contents = {"shop/compose.yaml": ENV_FILE, "common/a.env": value, "common/b.env": value}
        return a_revision(contents, links={"shop/linked.env": f"../common/{target}.env"})

    first = files("a", "A=1")
    loaded(first)
    digests = [later.input_digest(first.asked) for later in (first, files("b", "A=1"), files("a", "A=2"))]

    assert len(set(digests)) == 3


def test_a_file_that_appears_later_changes_the_input_digest() -> None:
    before = a_revision({"shop/compose.yaml": BIND})
    loaded(before)

    for path in ("shop/.env", "shop/compose.override.yml", "shop/conf", "shop/conf/new", "shop/docker-compose.yml"):
        after = a_revision({"shop/compose.yaml": BIND, path: "x"})
        assert after.input_digest(before.asked) != before.input_digest(before.asked), path


def test_a_file_that_nobody_asked_for_changes_no_input_digest() -> None:
    before = a_revision({"shop/compose.yaml": BIND})
    loaded(before)
    after = a_revision({"shop/compose.yaml": BIND, "shop/README.md": "x", "other/compose.yaml": "y"})

    assert after.input_digest(before.asked) == before.input_digest(before.asked)


def test_links_within_a_mounted_directory_become_what_they_lead_to() -> None:
    contents = {"shop/compose.yaml": BIND, "shop/conf/a": "a", "shared/b": "b", "shared/deep/c": "c"}
    links = {"shop/conf/b": "../../shared/b", "shop/conf/all": "../../shared"}

    (mount,) = loaded(a_revision(contents, links=links)).services["web"].mounts

    assert isinstance(mount, ContentMount)
    assert {file.path: file.data for file in mount.content.files} == {
        "a": b"a",
        "all/b": b"b",
        "all/deep/c": b"c",
        "b": b"b",
    }


def test_a_link_within_a_mounted_directory_that_leads_into_itself_is_refused() -> None:
    contents = {"shop/compose.yaml": BIND, "shop/conf/a": "a"}

    assert "remove the loop" in refusal(a_revision(contents, links={"shop/conf/again": "."}))


def test_a_link_within_a_mounted_directory_that_leads_nowhere_is_refused() -> None:
    contents = {"shop/compose.yaml": BIND, "shop/conf/a": "a"}

    assert "'shop/conf/b' leads to 'shop/gone'" in refusal(a_revision(contents, links={"shop/conf/b": "../gone"}))


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        (BIND, "shop/conf"),
        (BIND, "shop/conf/inner"),
        (ENV_FILE, "shop/linked.env"),
        ("include: [part.yaml]", "shop/part.yaml"),
        ("services: {web: {extends: {file: part.yaml, service: a}}}", "shop/part.yaml"),
        ("services: {web: {image: i, configs: [c]}}\nconfigs: {c: {file: part}}", "shop/part"),
        ("services: {web: {image: i, secrets: [c]}}\nsecrets: {c: {file: part}}", "shop/part"),
    ],
)
def test_a_pointer_of_git_lfs_is_refused_where_it_is_used(manifest: str, path: str) -> None:
    said = refusal(a_revision({"shop/compose.yaml": manifest, path: POINTER}))

    assert f"'{path}' is a Git LFS pointer" in said


def test_a_pointer_that_nothing_uses_is_no_matter() -> None:
    loaded(a_revision({"shop/compose.yaml": "services: {web: {image: i}}", "shop/video.mp4": POINTER}))


def test_a_submodule_is_refused_where_it_is_used() -> None:
    manifest = 'include: [lib/a.yaml]\nservices: {web: {image: i, volumes: ["./lib:/lib", "./sub/lib:/sub"]}}'
    revision = a_revision({"shop/compose.yaml": manifest}, submodules=frozenset({"shop/lib", "shop/sub"}))

    said = refusal(revision)

    assert "include[0]: 'shop/lib' is a submodule" in said
    assert "services.web.volumes[0]: 'shop/lib' is a submodule" in said
    assert "services.web.volumes[1]: 'shop/sub' is a submodule" in said


def test_a_submodule_within_a_mounted_directory_is_refused() -> None:
    revision = a_revision({"shop/compose.yaml": BIND, "shop/conf/a": ""}, submodules=frozenset({"shop/conf/lib"}))

    assert "'shop/conf/lib' is a submodule" in refusal(revision)


def test_a_compose_file_may_be_a_link() -> None:
    revision = a_revision({"base.yaml": "services: {web: {image: i}}"}, links={"shop/compose.yaml": "../base.yaml"})

    assert list(loaded(revision).services) == ["web"]


def test_a_directory_without_a_compose_file_says_what_is_missing() -> None:
    said = refusal(a_revision({"elsewhere/compose.yaml": ""}))

    assert said == "shop: there is no Compose file in 'shop'; add compose.yaml, or mend the path of the environment"


def test_large_content_is_refused_with_the_limit() -> None:
    files = a_revision({"shop/compose.yaml": BIND, "shop/conf": b"x" * (8 << 20) + b"y"})

    assert "more than the limit of 8388608" in refusal(files)


def test_too_much_content_in_a_directory_is_refused() -> None:
    many = {f"shop/conf/{number}": "" for number in range(1_001)}

    assert "more than 1000 files or 32 MiB" in refusal(a_revision({"shop/compose.yaml": BIND, **many}))
