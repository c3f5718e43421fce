"""The repository to start from means what its README says, and what Compose says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from gitopsd.__main__ import Wired
from gitopsd.adapters import settings_file
from gitopsd.adapters.git.directory import directory_files
from gitopsd.cli.main import gitopsd
from gitopsd.manifest import load, load_all, resolved, waves
from gitopsd.manifest.workload import breaches
from gitopsd.model.desired import ContentMount, DesiredState
from gitopsd.model.files import Files
from gitopsd.model.guards import NO_GUARDS, Gate
from gitopsd.model.job import JobPhase
from gitopsd.release.guarding import asked
from tests.cli.shop import Shop, compose, service

EXAMPLE = Path(__file__).resolve().parent.parent / "example-repo"
ENVIRONMENTS = ("production", "staging", "api")
GUARDS = ("approval", "windows", "rate-limit", "deletion-cap", "circuit-breaker", "release-timeout", "promotion")


@pytest.fixture(scope="module")
def files() -> Files:
    return directory_files(EXAMPLE)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_loads_without_a_problem_a_warning_or_an_open_variable(files: Files, name: str) -> None:
    desired = environment(files, name)

    assert (desired.project, desired.warnings, desired.unset) == (f"shop-{name}", (), ())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_compose_reads_an_environment_the_same_way(files: Files, compose_program: Path, name: str) -> None:
    loaded = load_all(files, f"environments/{name}", name, variables={})

    assert resolved(loaded, str(EXAMPLE)) == as_compose_says(compose_program, EXAMPLE / "environments" / name)


def test_the_backend_waits_for_its_one_shot_and_the_web_service_for_the_backend(files: Files) -> None:
    assert waves(environment(files, "production")) == (("migrate",), ("backend",), ("web",), ("edge",))


def test_the_backend_accepts_what_its_job_provides(files: Files) -> None:
    services = environment(files, "production").services
    job, schema = services["migrate"].job, services["backend"].schema
    assert job is not None
    assert job.provides is not None
    assert schema is not None
    assert schema.low <= job.provides <= schema.high
    assert (job.phase, job.database) == ("expand", schema.database)


def test_production_differs_from_staging_in_what_its_own_directory_says(files: Files) -> None:
    production, staging = (environment(files, name) for name in ("production", "staging"))

    assert (production.services["web"].replicas, staging.services["web"].replicas) == (3, 1)
    assert delivered(production, "backend") == b"example-token-of-production\n"
    assert delivered(staging, "backend") == b"example-token-of-staging\n"


def test_the_notice_is_content_of_the_repository(files: Files) -> None:
    notice = EXAMPLE / "environments" / "production" / "notice.txt"

    assert delivered(environment(files, "production"), "web") == notice.read_bytes()


def test_a_new_version_of_the_api_is_a_canary_behind_the_router(files: Files) -> None:
    api = environment(files, "api").services["api"]

    assert (api.policy.strategy, str(api.traffic)) == ("canary", "http at port 127.0.0.1:8082, to 8080")


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_has_an_example_that_loads_without_a_problem_and_says_it(files: Files, name: str) -> None:
    desired = load(files, f"guards/{name}", name)

    assert (desired.warnings, desired.unset) == ((), ())
    assert desired.policy.guards != NO_GUARDS


@pytest.mark.parametrize("name", sorted(each.parent.name for each in EXAMPLE.glob("guards/*/compose.yaml")))
def test_validate_finds_an_example_good(name: str) -> None:
    done = CliRunner().invoke(gitopsd, ["validate", str(EXAMPLE / "guards" / name)], obj=Wired())

    assert (done.exit_code, done.output) == (0, "1 of 1 environment is valid\n")


def test_with_the_operators_policy_validate_finds_all_of_them_and_what_one_must_not_have() -> None:
    command = ["validate", str(EXAMPLE), "--config", str(EXAMPLE / "guards" / "gitopsd.yaml")]
    done = CliRunner().invoke(gitopsd, command, obj=Wired())

    assert done.exit_code == 1
    assert done.output.count("policy rule") == 3


def test_the_examples_of_jobs_and_of_a_schema_have_one_of_every_phase(files: Files) -> None:
    services = [*load(files, "guards/jobs", "jobs").services.values()]
    services += load(files, "guards/schema", "schema").services.values()

    assert {each.job.phase for each in services if each.job is not None} == set(get_args(JobPhase))
    (accepts,) = [each.schema for each in services if each.schema is not None]
    moves = [each.job.provides for each in services if each.job is not None and each.job.provides is not None]
    assert all(accepts.low <= version <= accepts.high for version in moves)


def test_the_example_of_the_operators_policy_is_valid_and_breaks_the_workload_beside_it(files: Files) -> None:
    policy = settings_file.load(EXAMPLE / "guards" / "gitopsd.yaml").policy
    broken = breaches(load(files, "guards/workload", "workload"), policy.workload)

    assert [str(each.place) for each in broken] == [
        "guards/workload/compose.yaml:6:5",
        *["guards/workload/compose.yaml:7:15"] * 2,
    ]


def test_the_example_of_an_approval_step_is_a_guard(files: Files) -> None:
    assert asked(load(files, "guards/approval-step", "approval-step")).gates == (Gate("web", (1_000,)),)


def test_the_example_of_files_that_change_in_place_exchanges_them(files: Files) -> None:
    web = load(files, "guards/in-place", "in-place").services["web"]

    ways = {mount.target: mount.on_change for mount in web.exchanged}
    assert ways == {"/etc/shop/limits.conf": "SIGHUP", "/etc/gitopsd/flags.yaml": "update"}


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    """A copy of the example beside a key, and encrypted with that one by the command that it names."""
    repository = Path(shutil.copytree(EXAMPLE, tmp_path / "repository"))
    said = (repository / "guards" / "encrypted" / "compose.yaml").read_text()
    command = next(line.split()[2] for line in said.splitlines() if line.startswith("#   python "))
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    words = [sys.executable, command, str(tmp_path / "age.key")]
    done = subprocess.run(words, cwd=repository, env=path, capture_output=True, text=True, check=False, timeout=60)
    assert not done.returncode, done.stderr
    (tmp_path / "gitopsd.yaml").write_text(
        f"secrets: {{age_key_file: {tmp_path}/age.key, sops: {Path(sys.executable).with_name('sops')}}}\n"
    )
    return repository


def test_the_example_of_encrypted_files_is_encrypted_by_one_command_and_opened_with_its_key(encrypted: Path) -> None:
    stored = [(encrypted / "guards" / "encrypted" / name).read_bytes() for name in ("db_password", "web.env")]
    assert not any(b"example-" in each for each in stored)
    assert validated(encrypted, "--config", str(encrypted.parent / "gitopsd.yaml")) == "1 of 1 environment is valid\n"


def test_without_the_key_the_example_says_what_is_missing(encrypted: Path) -> None:
    said = validated(encrypted)
    assert "'web.env' cannot be read: it is encrypted (sops)" in said
    assert "no key is known here; name the file of the age keys in gitopsd.yaml" in said


def validated(repository: Path, *options: str) -> str:
    words = ["validate", str(repository / "guards" / "encrypted"), *options]
    return CliRunner().invoke(gitopsd, words, obj=Wired()).output


def test_the_example_of_signed_commits_names_keys_that_git_reads() -> None:
    settings = settings_file.load(EXAMPLE / "guards" / "signed" / "gitopsd.yaml")
    verify = settings.repositories["default"].verify
    assert verify.mode == "strict"
    assert verify.allowed_signers_file == EXAMPLE / "guards" / "signed" / "allowed_signers"

    found = subprocess.run(
        ["ssh-keygen", "-Y", "match-principals", "-f", str(verify.allowed_signers_file), "-I", "ada@example.com"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert found.stdout == "ada@example.com\n", found.stderr


@pytest.mark.parametrize(
    ("name", "hold"),
    [("approval", "approval"), ("windows", "window"), ("rate-limit", "rate-limit"), ("deletion-cap", "deletion")],
)
def test_the_example_of_a_guard_holds_a_release(tmp_path: Path, name: str, hold: str) -> None:
    text = (EXAMPLE / "guards" / name / "compose.yaml").read_text().replace("shop/web:1.0", "web:1")
    shop = Shop(tmp_path / "state")  # whose clock stands at a Sunday
    two = "  other:\n    image: db:1\n    x-gitopsd: {min_ready: 0s}\n"
    shop.release(f"name: shop-{name}\n{compose(service('web', image='web:1'))}{two}", "Before there was a guard")
    shop.release(text, "With the guard, and without the other service")
    (status,) = shop.store.statuses()

    assert hold in [each.guard for each in status.holds]


def environment(files: Files, name: str) -> DesiredState:
    return load(files, f"environments/{name}", name)


def delivered(desired: DesiredState, service: str) -> bytes:
    """What the one content mount of a service holds."""
    (mount,) = (mount for mount in desired.services[service].mounts if isinstance(mount, ContentMount))
    return mount.content.files[0].data


def as_compose_says(program: Path, directory: Path) -> Any:
    done = subprocess.run(
        [program, "config", "--format", "json"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert not done.returncode, done.stderr.decode()
    return json.loads(done.stdout)
