"""`x-gitopsd` and `deploy.update_config`: how services are rolled out, and which of them are one-shots."""

from datetime import timedelta

import pytest

from gitopsd.manifest import load_all, resolved
from gitopsd.model.desired import Amount, CrashLoop, MemorySpike, Policy, WayBack
from gitopsd.model.errors import ManifestError
from gitopsd.model.health import Checks, HttpCheck, TcpCheck
from gitopsd.model.job import Job
from gitopsd.model.policy import REPORT_ONLY, EnvironmentPolicy, Heals
from tests.manifest.compose_builders import a_revision, a_service, a_state, sealed


def test_a_plain_service_has_the_default_policy() -> None:
    assert a_service("").policy == Policy()


def test_update_config_is_the_policy() -> None:
    update = "order: start-first, parallelism: 3, delay: 10s, failure_action: continue, monitor: 1m"

    policy = a_service(f"deploy: {{update_config: {{{update}}}}}").policy

    times = {"delay": timedelta(seconds=10), "monitor": timedelta(minutes=1)}
    assert policy == Policy("start-first", 3, on_failure="continue", **times)


def test_rollback_config_says_how_a_service_goes_back() -> None:
    rollback = "order: stop-first, parallelism: 0, delay: 10s, failure_action: pause"

    policy = a_service(f"deploy: {{rollback_config: {{{rollback}}}}}").policy

    assert policy == Policy(back=WayBack("stop-first", 0, timedelta(seconds=10)))


def test_how_a_service_goes_back_is_another_release() -> None:
    manifest = "services: {{web: {{image: i, deploy: {{rollback_config: {{parallelism: {}}}}}}}}}"
    one, two = (sealed(a_state(manifest.format(parallelism))) for parallelism in (1, 2))

    assert one.content_digest != two.content_digest


def test_x_gitopsd_sets_the_deadlines() -> None:
    keys = "min_ready: 1s, healthy_deadline: 2m, progress_deadline: 3m"

    policy = a_service(f"x-gitopsd: {{{keys}}}").policy

    assert policy == Policy(
        min_ready=timedelta(seconds=1), healthy_deadline=timedelta(minutes=2), progress_deadline=timedelta(minutes=3)
    )


def test_surge_and_unavailability_are_numbers_or_shares() -> None:
    policy = a_service('x-gitopsd: {max_surge: 2, max_unavailable: "25%"}').policy

    assert policy == Policy(max_surge=Amount(2), max_unavailable=Amount(25, percent=True))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("max_surge: -1", "expected a number of instances or a share such as 25%, got -1"),
        ("max_surge: 1.5", "expected a number of instances or a share such as 25%, got 1.5"),
        ("max_unavailable: 101%", "expected a number of instances or a share such as 25%, got '101%'"),
        ("max_surge: 0, max_unavailable: 0%", "cannot both be 0"),
        ("strategy: recreate, max_surge: 1", "the order is stop-first .*, where none is added; remove it"),
    ],
)
def test_room_that_makes_no_sense_is_told(keys: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        a_service(f"x-gitopsd: {{{keys}}}")


@pytest.mark.parametrize(
    ("update", "key", "said"),
    [
        ("parallelism: 2", "max_surge: 3", "parallelism says 2 for the same; remove one of the two"),
        ("parallelism: 2, order: stop-first", "max_unavailable: 3", "parallelism says 2 for the same"),
        ("order: start-first", "max_surge: 0", "order: start-first needs room for one more"),
    ],
)
def test_room_that_update_config_gives_otherwise_is_told(update: str, key: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        a_service(f"deploy: {{update_config: {{{update}}}}}, x-gitopsd: {{{key}}}")


def test_room_that_update_config_gives_too_is_fine() -> None:
    keys = "deploy: {update_config: {parallelism: 2}}, x-gitopsd: {max_surge: 2, max_unavailable: 1}"

    assert a_service(keys).policy == Policy(parallelism=2, max_surge=Amount(2), max_unavailable=Amount(1))


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        ("x-gitopsd: {strategy: rolling}", Policy()),
        ("x-gitopsd: {strategy: recreate}", Policy("stop-first", strategy="recreate")),
        (
            "x-gitopsd: {strategy: recreate}, deploy: {update_config: {parallelism: 0}}",
            Policy("stop-first", 0, strategy="recreate"),
        ),
    ],
)
def test_recreate_stops_first(keys: str, policy: Policy) -> None:
    assert a_service(keys).policy == policy


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("x-gitopsd: {strategy: recreate, max_unavailable: 1}", "recreate takes all at once; remove it"),
        (
            "x-gitopsd: {strategy: recreate}, deploy: {update_config: {parallelism: 2}}",
            "recreate takes all at once, but deploy.update_config.parallelism says 2; remove one",
        ),
        (
            "x-gitopsd: {strategy: recreate}, deploy: {rollback_config: {parallelism: 2}}",
            "recreate takes all at once, but deploy.rollback_config.parallelism says 2; remove one",
        ),
        (
            "x-gitopsd: {strategy: recreate}, deploy: {rollback_config: {order: start-first}}",
            "recreate stops first, but deploy.rollback_config.order says start-first; remove one",
        ),
        (
            "ports: [80], x-gitopsd: {strategy: blue-green, traffic: {}},"
            " deploy: {rollback_config: {order: stop-first}}",
            "blue-green has the new beside the old, but deploy.rollback_config.order says stop-first; remove one",
        ),
    ],
)
def test_a_number_beside_recreate_is_told(keys: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        a_service(keys)


def test_the_environments_word_on_failure_counts_for_services_that_say_nothing() -> None:
    state = a_state(
        """
services:
  a: {image: i}
  b: {image: i, deploy: {update_config: {failure_action: rollback}}}
x-gitopsd: {on_failure: pause, prune: false, heal: report}
"""
    )

    assert state.policy == EnvironmentPolicy(prune=False, heal=REPORT_ONLY, on_failure="pause")
    assert [service.policy.on_failure for service in state.services.values()] == ["pause", "rollback"]


@pytest.mark.parametrize(
    ("keys", "job"),
    [
        ("", None),
        ("restart: always", None),
        ('restart: "no"', Job()),
        ("x-gitopsd: {job: {}}", Job()),
        ("x-gitopsd: {job: }", Job()),
        ("x-gitopsd: {job: {timeout: 5m}}", Job(timedelta(minutes=5))),
        ('restart: "no", x-gitopsd: {job: {timeout: 1s}}', Job(timedelta(seconds=1))),
    ],
)
def test_a_one_shot_is_one_by_its_job_or_by_a_written_restart_no(keys: str, job: Job | None) -> None:
    assert a_service(keys).job == job


def test_a_service_whose_completion_is_awaited_is_a_one_shot() -> None:
    state = a_state(
        """
services:
  web: {image: i, depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: i}
"""
    )

    assert state.services["migrate"].job == Job()
    assert state.services["web"].job is None


def test_every_value_can_be_shown_with_its_origin() -> None:
    manifest = """
services:
  web:
    image: i
    deploy: {update_config: {order: start-first}, rollback_config: {parallelism: 0}}
    x-gitopsd:
      min_ready: 2s
x-gitopsd: {prune: false}
"""
    loaded = load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={})

    shown = resolved(loaded, "/r", defaults=True)

    assert shown["x-gitopsd"] == {
        "prune": {"value": False, "origin": "compose.yaml:8:13"},
        "heal": {"value": "repair", "origin": "default"},
        "on_failure": {"value": "rollback", "origin": "default"},
        "traffic.router": {"value": "none", "origin": "default"},
    }
    assert shown["services"]["web"]["x-gitopsd"] == {
        "strategy": {"value": "rolling", "origin": "default"},
        "min_ready": {"value": "2s", "origin": "compose.yaml:7:7"},
        "healthy_deadline": {"value": "5m0s", "origin": "default"},
        "progress_deadline": {"value": "10m0s", "origin": "default"},
        "order": {"value": "start-first", "origin": "deploy.update_config.order"},
        "parallelism": {"value": 1, "origin": "default"},
        "delay": {"value": "0s", "origin": "default"},
        "monitor": {"value": "0s", "origin": "default"},
        "max_failure_ratio": {"value": 0, "origin": "default"},
        "on_failure": {"value": "rollback", "origin": "default"},
        "rollback_config.order": {"value": None, "origin": "default"},
        "rollback_config.parallelism": {"value": 0, "origin": "deploy.rollback_config.parallelism"},
        "rollback_config.delay": {"value": "0s", "origin": "default"},
        "rollback_config.failure_action": {"value": "pause", "origin": "default"},
        "ignore_drift": {"value": [], "origin": "default"},
        "on_config_change": {"value": "restart", "origin": "default"},
        "crash_loop": {"value": {"restarts": 3, "within": "2m0s"}, "origin": "default"},
        "memory_spike": {
            "value": {"percent_of_limit": 90, "ratio_to_stable": 1.5, "for": "15s"},
            "origin": "default",
        },
        "restart_storm": {"value": {"restarts": 10, "within": "10m0s"}, "origin": "default"},
        "health.process": {"value": {}, "origin": "default"},
    }


def test_what_is_healed_may_be_said_for_each_kind_of_drift() -> None:
    state = a_state("x-gitopsd: {heal: {stopped: report}}\nservices: {web: {image: i}}\n")

    assert state.policy.heal == Heals(stopped="report")


def test_a_kind_of_drift_that_is_none_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"x-gitopsd.heal.stoped: unknown key; did you mean stopped\?"):
        a_state("x-gitopsd: {heal: {stoped: report}}\nservices: {web: {image: i}}\n")


def test_a_service_may_name_fields_that_somebody_else_looks_after() -> None:
    service = a_service("x-gitopsd: {ignore_drift: [resources.memory, networks, environment.COLOUR]}")

    assert service.ignore_drift == ("resources.memory", "networks", "environment.COLOUR")


def test_a_field_that_the_table_does_not_know_cannot_be_ignored() -> None:
    with pytest.raises(ManifestError, match="no field of a container is called 'memory'"):
        a_service("x-gitopsd: {ignore_drift: [memory]}")


def test_health_says_how_instances_are_asked() -> None:
    http = "{port: 8080, path: /healthz, status: '200-299, 404', body: 'ready|ok', latency: 500ms}"
    times = "interval: 10s, timeout: 2s, start_period: 20s, failure_threshold: 5, success_threshold: 2"

    policy = a_service(f"x-gitopsd: {{health: {{http: {http}, tcp: {{port: 5432}}, {times}}}}}").policy

    ranges = ((200, 299), (404, 404))
    assert policy.health == Checks(
        http=HttpCheck(8080, "/healthz", ranges, "ready|ok", timedelta(milliseconds=500)),
        tcp=TcpCheck(5432),
        interval=timedelta(seconds=10),
        timeout=timedelta(seconds=2),
        start_period=timedelta(seconds=20),
        failure_threshold=5,
        success_threshold=2,
        deadline=policy.healthy_deadline,
    )


@pytest.mark.parametrize("health", ["{process: {}}", "{process: , interval: 5s}"])
def test_where_running_is_enough_nobody_is_asked(health: str) -> None:
    assert a_service(f"x-gitopsd: {{health: {health}}}").policy == Policy()


def test_every_key_of_health_is_shown_with_what_is_in_force() -> None:
    manifest = """
services:
  web:
    image: i
    x-gitopsd:
      health:
        http: {port: 80}
        interval: 5s
"""
    loaded = load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={})

    shown = resolved(loaded, "/r", defaults=True)["services"]["web"]["x-gitopsd"]

    assert {key: value for key, value in shown.items() if key.startswith("health.")} == {
        "health.http": {"value": {"port": 80, "path": "/", "status": "200-399"}, "origin": "compose.yaml:6:7"},
        "health.interval": {"value": "5s", "origin": "compose.yaml:6:7"},
        "health.timeout": {"value": "1s", "origin": "default"},
        "health.start_period": {"value": "0s", "origin": "default"},
        "health.failure_threshold": {"value": 3, "origin": "default"},
        "health.success_threshold": {"value": 1, "origin": "default"},
    }


def test_how_instances_are_asked_is_another_release_but_no_other_container() -> None:
    manifest = "services: {{web: {{image: i, x-gitopsd: {{health: {{tcp: {{port: {}}}}}}}}}}}"
    asked, other = (sealed(a_state(manifest.format(port))) for port in (80, 81))

    assert asked.services["web"].fingerprint == other.services["web"].fingerprint
    assert asked.content_digest != other.content_digest


def test_crash_loop_says_how_many_restarts_are_too_many() -> None:
    policy = a_service("x-gitopsd: {crash_loop: {restarts: 5, within: 10m}}").policy

    assert policy.crash_loop == CrashLoop(5, timedelta(minutes=10))
    assert a_service("x-gitopsd: {crash_loop: {within: 10m}}").policy.crash_loop == CrashLoop(3, timedelta(minutes=10))


def test_memory_spike_says_how_much_new_instances_may_take() -> None:
    policy = a_service("x-gitopsd: {memory_spike: {percent_of_limit: 80, ratio_to_stable: 2, for: 1m}}").policy

    assert policy.memory_spike == MemorySpike(80, 2.0, timedelta(minutes=1))
    assert a_service("x-gitopsd: {memory_spike: {ratio_to_stable: 0}}").policy.memory_spike == MemorySpike(90, 0.0)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("ratio_to_stable: 0.9", "ratio_to_stable: expected a number above 1, or 0 for no bound, got 0.9"),
        ("percent_of_limit: 101", "percent_of_limit: .*101"),
        ("for: 100ms", "for: expected at least 1s, got 100ms"),
    ],
)
def test_a_memory_spike_that_makes_no_sense_is_told(keys: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        a_service(f"x-gitopsd: {{memory_spike: {{{keys}}}}}")


def test_a_share_of_the_slots_may_fail() -> None:
    policy = a_service("deploy: {update_config: {max_failure_ratio: 0.25}}").policy

    assert policy.max_failure_ratio == 0.25


def test_restart_storm_says_how_many_restarts_of_a_service_are_too_many() -> None:
    policy = a_service("x-gitopsd: {restart_storm: {restarts: 30}}").policy

    assert policy.restart_storm == CrashLoop(30, timedelta(minutes=10))
