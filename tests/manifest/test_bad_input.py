"""Manifests that are wrong in ways in which other tools were attacked or led astray; `tests/BAD_INPUT.md` has all."""

import pytest

from gitopsd.manifest import load
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_revision, a_service, a_state

# Every key that names a file, with a place for its name.
NAMING = {
    "include": "include: [FILE]\nservices: {web: {image: i}}",
    "include.env_file": "include: [{path: part.yaml, env_file: FILE}]",
    "include.project_directory": "include: [{path: part.yaml, project_directory: FILE}]",
    "extends.file": "services: {web: {image: i, extends: {file: FILE, service: web}}}",
    "env_file": "services: {web: {image: i, env_file: FILE}}",
    "configs.file": "services: {web: {image: i, configs: [c]}}\nconfigs: {c: {file: FILE}}",
    "secrets.file": "services: {web: {image: i, secrets: [c]}}\nsecrets: {c: {file: FILE}}",
    "volumes": "services: {web: {image: i, volumes: [{type: bind, source: FILE, target: /x}]}}",
}
OUTSIDE = ("../../outside", "../../../etc/passwd", "sub/../../../x")
ABSOLUTE = ("/etc/passwd", "/proc/self/environ", "~/.ssh/id_rsa")
REMOTE = ("https://example.invalid/x.yaml", "oci://example.invalid/x", "git@example.invalid:x.git")
PART = "services: {part: {image: i}}"


def refusal(manifest: str, links: dict[str, str] | None = None) -> str:
    files = a_revision({"shop/compose.yaml": manifest, "shop/part.yaml": PART}, links=links)
    with pytest.raises(ManifestError) as refused:
        load(files, "shop", "shop")
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "file"),
    # An absolute bind is one of the host.
    [(key, file) for key in NAMING for file in (*OUTSIDE, *ABSOLUTE, *REMOTE) if (key, file[0]) != ("volumes", "/")],
)
def test_no_key_reaches_a_file_that_is_not_in_the_repository(key: str, file: str) -> None:
    said = refusal(NAMING[key].replace("FILE", file))

    assert said.startswith(("shop/compose.yaml:1:", "shop/compose.yaml:2:"))
    assert any(words in said for words in ("outside the repository", "leads out of", "is remote", "absolute path"))


@pytest.mark.parametrize("key", [key for key in NAMING if key != "include.project_directory"])
@pytest.mark.parametrize("target", ["/etc/passwd", "/proc/self/environ", "../../outside", "linked"])
def test_no_key_follows_a_link_out_of_the_repository(key: str, target: str) -> None:
    said = refusal(NAMING[key].replace("FILE", "./linked"), {"shop/linked": target})

    assert "OutOfBoundsSymlink" in said
    assert "'shop/linked'" in said
    assert "root:" not in said


def test_the_manifest_itself_may_not_be_a_link_out_of_the_repository() -> None:
    with pytest.raises(ManifestError, match=r"OutOfBoundsSymlink: the symbolic link 'shop/compose\.yaml'"):
        load(a_revision({}, links={"shop/compose.yaml": "/etc/passwd"}), "shop", "shop")


def test_scalars_of_yaml_1_1_are_text_and_never_numbers_of_base_60() -> None:
    keys = "ports: [22:22, 3306:3306], environment: {A: yes, B: no, C: on, D: 22:22, E: 0o17, F: 1e3, G: 017, H: ~}"

    service = a_service(keys)

    assert [(port.published, port.target) for port in service.ports] == [("22", 22), ("3306", 3306)]
    assert service.options["environment"] == {
        "A": "yes",
        "B": "no",
        "C": "on",
        "D": "22:22",
        "E": "15",
        "F": "1000",
        "G": "15",
        "H": None,
    }


@pytest.mark.parametrize("value", ["-1s", "1e99", "NaN", "3 h", "90", "1.5", ".inf", "9999999999h", "'1h '"])
@pytest.mark.parametrize(
    "key",
    [
        "stop_grace_period: VALUE",
        "healthcheck: {interval: VALUE}",
        "healthcheck: {timeout: VALUE}",
        "deploy: {update_config: {delay: VALUE}}",
        "x-gitopsd: {min_ready: VALUE}",
    ],
)
def test_what_is_no_time_is_refused_with_its_place(key: str, value: str) -> None:
    with pytest.raises(ManifestError) as refused:
        a_service(key.replace("VALUE", value))

    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].place.line == 2


@pytest.mark.parametrize(
    "key", ["mem_limit: VALUE", "cpus: VALUE", "deploy: {resources: {limits: {cpus: VALUE, memory: VALUE}}}"]
)
@pytest.mark.parametrize("value", ["-1", "'1e99'", "'NaN'", "'inf'", "lots", "1_0k"])
def test_what_is_no_limit_is_refused_with_its_place(key: str, value: str) -> None:
    with pytest.raises(ManifestError) as refused:
        a_service(key.replace("VALUE", value))

    assert {problem.place.line for problem in refused.value.problems} == {2}


def test_a_variable_is_filled_in_once_whatever_it_holds() -> None:
    env = "A='$B ${B:?no} $$'\nB=b\nLINES=\"one\ntwo: {x: y}\"\n"

    service = a_service('labels: {a: $A, lines: $LINES, dollar: "$$A"}', {".env": env})

    assert service.options["labels"] == {"a": "$B ${B:?no} $$", "lines": "one\ntwo: {x: y}", "dollar": "$A"}


def test_the_message_of_a_required_variable_is_told_and_no_value_of_another() -> None:
    with pytest.raises(ManifestError) as refused:
        a_service('labels: {a: "${GONE:?give me one}", b: "${A!}"}', {".env": "A=hunter2\n"})

    assert "the required variable GONE has no value: give me one; set it in .env or vars_file" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_renamed_service_keeps_the_volume_of_its_data() -> None:
    def volumes(service: str) -> list[str]:
        state = a_state(f"services: {{{service}: {{image: i, volumes: ['data:/data']}}}}\nvolumes: {{data: }}")
        return [volume.name for volume in state.volumes.values()]

    assert volumes("database") == volumes("postgres") == ["production_data"]
