"""What lies in deploy/, and the README, say what the program does: settings with defaults, commands, calls, proofs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gitopsd.adapters import settings_file, settings_sections
from gitopsd.adapters.haproxy.opening import NAME
from gitopsd.cli.main import COMMANDS
from gitopsd.model.settings import Settings
from tests.deploy.allow_list import allowed

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SETTINGS = (DEPLOY / "gitopsd.yaml").read_text()
README = (DEPLOY.parent / "README.md").read_text()


def test_the_settings_file_is_valid_as_it_is_and_says_nothing_but_the_defaults() -> None:
    given, plain = settings_file.load(DEPLOY / "gitopsd.yaml"), settings_file.load(None)

    assert values(given) == values(plain)


def test_every_commented_setting_is_valid_and_every_default_is_the_default(tmp_path: Path) -> None:
    uncommented = tmp_path / "gitopsd.yaml"
    uncommented.write_text(re.sub(r"(?m)^# ", "", SETTINGS))

    given, plain = settings_file.load(uncommented), settings_file.load(None)

    assert given.repositories["default"].interval.total_seconds() == 30
    assert set(given.environments) == {"production"}
    for name in ("discover", "mode", "engine", "state_dir", "resync", "images"):
        assert getattr(given, name) == getattr(plain, name), name
    for name in ("mode", "image", "network"):
        assert getattr(given.router, name) == getattr(plain.router, name), name


def test_every_setting_is_there() -> None:
    for key in settings_sections.TOP:
        assert re.search(rf"(?m)^#+ {key}:", SETTINGS), key
    for key in ("branch", "interval", "timeout", "credentials", "verify", "password_file", "ssh_key_file"):
        assert f"{key}:" in SETTINGS, key
    keys = ("path", "project", "mode", "target", "vars_file", "host_dir", "repository", "secrets", "secrets_dir")
    for key in keys:
        assert re.search(rf"(?m)^#+ +{key}:", SETTINGS), key


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.41/containers/abc/exec"),
        ("POST", "/v1.41/build"),
        ("POST", "/v1.41/commit"),
        ("POST", "/v1.41/swarm/leave"),
        ("POST", "/v1.41/containers/prune"),
        ("POST", "/v1.41/containers/abc/attach"),
        ("GET", "/v1.41/containers/abc/export"),
        ("POST", "/v1.41/images/prune"),
        ("GET", "/v1.41/images/shop/get"),
        ("DELETE", "/v1.41/plugins/shop"),
    ],
)
def test_the_filter_keeps_out_what_gitopsd_never_does(method: str, path: str) -> None:
    assert not allowed(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.41/networks/shop_back/disconnect"),
        ("POST", "/v1.41/containers/abc/unpause"),
        ("PUT", "/v1.41/containers/abc/archive"),
        ("POST", "/v1.41/containers/abc/kill"),
        ("POST", "/v1.41/containers/abc/wait"),
        ("GET", "/v1.41/containers/abc/changes"),
    ],
)
def test_the_filter_lets_through_what_drift_is_found_and_healed_with(method: str, path: str) -> None:
    assert allowed(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1.41/swarm/unlockkey"),
        ("POST", "/v1.41/swarm/leave"),
        ("POST", "/v1.41/nodes/abc/update"),
        ("DELETE", "/v1.41/nodes/abc"),
        ("POST", "/v1.41/containers/create"),
        ("POST", "/v1.41/containers/abc/exec"),
        ("GET", "/v1.41/containers/abc/json"),
        ("PUT", "/v1.41/containers/abc/archive"),
        ("POST", "/v1.41/volumes/create"),
        ("DELETE", "/v1.41/volumes/shop_data"),
        ("POST", "/v1.41/networks/prune"),
    ],
)
def test_the_filter_on_a_swarm_keeps_out_what_no_environment_there_needs(method: str, path: str) -> None:
    assert not allowed(method, path, "stack.yaml")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/containers/create"),
        ("POST", "/containers/abc/start"),
        ("POST", "/containers/abc/wait"),
        ("GET", "/containers/abc/logs"),
        ("DELETE", "/containers/gitopsd-probe-abc-80"),
    ],
)
def test_the_filter_lets_probes_through(method: str, path: str) -> None:
    assert allowed(method, f"/v1.41{path}")


def test_the_routers_files_are_mounted_under_the_name_by_which_gitopsd_finds_them() -> None:
    document = yaml.safe_load((DEPLOY / "compose.router.yaml").read_text())
    (mount,) = document["services"]["gitopsd"]["volumes"]

    assert document["volumes"][mount.partition(":")[0]]["name"] == NAME


def test_the_service_has_a_router_as_root_without_a_power_of_root(tmp_path: Path) -> None:
    """That this is enough is shown by the stories of `tests/e2e/street.py`, whose daemon has no more."""
    drop_in = tmp_path / "gitopsd.service.d" / "router.conf"
    drop_in.parent.mkdir()
    drop_in.write_text((DEPLOY / "gitopsd-router.conf").read_text())
    unit = tmp_path / "gitopsd.service"
    unit.write_text((DEPLOY / "gitopsd.service").read_text().replace("/opt/gitopsd/bin/gitopsd", "/bin/true"))

    assert settings_of(unit, drop_in)["CapabilityBoundingSet"] == ""
    assert settings_of(unit, drop_in)["User"] == "root"
    assert f"/volumes/{NAME}" in settings_of(unit, drop_in)["ReadWritePaths"]
    if shutil.which("systemd-analyze") is not None:
        checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        assert [line for line in checked.stderr.splitlines() if "gitopsd" in line or "router.conf" in line] == []


def settings_of(*units: Path) -> dict[str, str]:
    """What the last of the units says of each setting."""
    lines = [line.partition("=") for unit in units for line in unit.read_text().splitlines() if line[:1].isupper()]
    return {name: value for name, _, value in lines}


def values(settings: Settings) -> dict[str, object]:
    names = ("host", "state_dir", "repositories", "discover", "mode", "environments", "engine", "registries", "resync")
    return {name: getattr(settings, name) for name in (*names, "images", "ledger", "router")}


def test_the_readme_names_every_command_and_every_setting() -> None:
    for name in COMMANDS:
        assert re.search(rf"`{name}[ `]|, `{name}`|`[^`|]*{name} ", README), name
    for key in settings_sections.TOP:
        assert re.search(rf"(?m)^\| `{key}", README) or f"`{key}." in README, key


def test_the_proofs_of_the_readmes_promises_exist() -> None:
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", README)
    assert len(named) > 8
    for path, test in named:
        assert f"def {test}" in (DEPLOY.parent / "tests" / path).read_text(), (path, test)


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (DEPLOY.parent / target).exists(), target
