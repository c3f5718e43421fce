"""`x-gitopsd.traffic` and the strategies that shift it: what the router serves, and what follows from `ports`."""

from datetime import timedelta
from typing import Any

import pytest

from gitopsd.manifest import load_all, resolved
from gitopsd.model.analysis import GUARD, Metric
from gitopsd.model.desired import Policy, Port
from gitopsd.model.errors import ManifestError
from gitopsd.model.strategy import Analyse, Approve, HeaderRoute, Pause, SetWeight
from gitopsd.model.traffic import Traffic
from tests.manifest.compose_builders import a_revision, a_service, a_state, sealed

ROUTES_ALL = "x-gitopsd: {traffic: {router: haproxy}}"


def shown(manifest: str, service: str = "web") -> dict[str, Any]:
    """What `config --defaults` says of a service's `x-gitopsd`, but for what has nothing to do with traffic."""
    loaded = load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={})
    usual = load_all(a_revision({"compose.yaml": "services: {web: {image: i}}"}), "", "e", variables={})
    own, others = (resolved(each, "/r", defaults=True)["services"] for each in (loaded, usual))
    assert isinstance(own, dict)
    assert isinstance(others, dict)
    left_out = others["web"]["x-gitopsd"]
    return {key: (each["value"], each["origin"]) for key, each in own[service]["x-gitopsd"].items()
            if left_out.get(key) != each}  # fmt: skip


def test_canary_alone_on_a_published_port_is_complete() -> None:
    service = a_service('ports: ["80:8080"], deploy: {replicas: 4}, x-gitopsd: {strategy: canary}')

    assert service.traffic == Traffic(80, 8080)
    assert service.policy.strategy == "canary"
    assert service.policy.steps == (
        SetWeight(500), Pause(timedelta(minutes=2)),
        SetWeight(2_000), Pause(timedelta(minutes=3)),
        SetWeight(5_000), Pause(timedelta(minutes=3)),
    )  # fmt: skip


def test_a_canary_with_metrics_is_judged_at_every_stop() -> None:
    keys = "strategy: canary, analysis: {metrics: [{name: error-rate, max: 1%}]}"

    policy = a_service(f'ports: ["80:80"], x-gitopsd: {{{keys}}}').policy

    assert policy.analysis.metrics == (Metric("error-rate", "router", max=0.01),)
    assert policy.steps == (
        SetWeight(500), Analyse(timedelta(minutes=2)),
        SetWeight(2_000), Analyse(timedelta(minutes=3)),
        SetWeight(5_000), Analyse(timedelta(minutes=3)),
    )  # fmt: skip


def test_an_analysis_without_metrics_is_judged_by_what_watches_every_rollout() -> None:
    keys = "strategy: canary, steps: [{set_weight: 10}, {analysis: {duration: 2m}}]"

    policy = a_service(f'ports: ["80:80"], x-gitopsd: {{{keys}}}').policy

    assert policy.analysis.metrics == GUARD


def test_blue_green_is_judged_before_it_switches_by_what_needs_no_traffic() -> None:
    keys = "strategy: blue-green, steps: [{analysis: {duration: 2m}}], analysis: {metrics: [{name: restarts}]}"

    policy = a_service(f'ports: ["80:80"], x-gitopsd: {{{keys}}}').policy

    assert policy.steps == (Analyse(timedelta(minutes=2)),)


def test_a_query_names_what_is_known_only_when_it_is_asked() -> None:
    query = '\'up{fingerprint="$fingerprint", env="${environment}", zone="$ZONE", end=~"a$$"}\''
    metric = f"{{name: up, source: prometheus, query: {query}, min: 1}}"
    keys = f"strategy: canary, analysis: {{metrics: [{metric}]}}"
    manifest = f'services: {{web: {{image: i, ports: ["80:80"], x-gitopsd: {{{keys}}}}}}}'

    loaded = load_all(
        a_revision({"compose.yaml": manifest, ".env": "ZONE=x\nfingerprint=mine\n"}), "", "e", variables={}
    )

    [found] = loaded.desired.services["web"].policy.analysis.metrics
    assert found.query == 'up{fingerprint="${fingerprint}", env="${environment}", zone="x", end=~"a$"}'


def test_what_a_host_knows_stays_out_of_an_analysis() -> None:
    metric = "{name: up, source: http, url: 'http://x/?key=$KEY', min: 1}"
    keys = f"strategy: canary, analysis: {{metrics: [{metric}]}}"
    manifest = f'services: {{web: {{image: i, ports: ["80:80"], x-gitopsd: {{{keys}}}}}}}'

    with pytest.raises(ManifestError, match=r"x-gitopsd.analysis: holds a value of the host's variables"):
        load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={"KEY": "4711"})


def test_every_value_of_an_analysis_is_shown() -> None:
    manifest = """
services:
  web:
    image: i
    ports: ["80:8080"]
    x-gitopsd:
      strategy: canary
      analysis: {metrics: [{name: latency-p95, max: 400ms}, {name: up, source: http, url: "http://a", min: 1}]}
"""

    assert shown(manifest)["analysis"] == (
        {
            "metrics": [
                {
                    "name": "latency-p95", "source": "router", "max": "400ms", "interval": "1s", "initial_delay": "0s",
                    "min_samples": 50, "consecutive_error_limit": 4, "no_data": "hold",
                },
                {
                    "name": "up", "source": "http", "url": "http://a", "min": 1.0, "interval": "30s",
                    "initial_delay": "0s", "consecutive_error_limit": 4, "no_data": "hold",
                },
            ]
        },
        "compose.yaml:8:7",
    )  # fmt: skip
    assert shown(manifest)["steps"][0][1] == {"analysis": {"duration": "2m0s"}}


def test_blue_green_alone_switches_at_once() -> None:
    service = a_service('ports: ["80:8080"], x-gitopsd: {strategy: blue-green}')

    assert service.traffic == Traffic(80, 8080)
    assert (service.policy.strategy, service.policy.steps) == ("blue-green", ())


def test_the_port_that_the_router_has_is_published_by_no_container() -> None:
    service = a_service('ports: ["80:8080", "53:53/udp", "127.0.0.1:81:8081"], x-gitopsd: {traffic: {listen: 80}}')

    assert service.direct_ports == (Port(53, "53", "udp"), Port(8081, "81", "tcp", "127.0.0.1"))


def test_without_the_word_traffic_there_is_no_router() -> None:
    service = a_service('ports: ["80:8080"]')

    assert service.traffic is None
    assert service.direct_ports == service.ports


def test_steps_that_are_written_are_the_steps() -> None:
    keys = "strategy: canary, steps: [{set_weight: 12.5}, {pause: {}}, {approval: {}}]"

    service = a_service(f'ports: ["80:8080"], x-gitopsd: {{{keys}}}')

    assert service.policy.steps == (SetWeight(1_250), Pause(), Approve())


def test_blue_green_waits_where_it_is_told_to() -> None:
    service = a_service('ports: ["80:8080"], x-gitopsd: {strategy: blue-green, steps: [{pause: {}}]}')

    assert service.policy.steps == (Pause(),)


@pytest.mark.parametrize(
    ("keys", "traffic"),
    [
        ('ports: ["80:8080"], x-gitopsd: {traffic: {}}', Traffic(80, 8080)),
        ('ports: ["80:8080"], x-gitopsd: {traffic: }', Traffic(80, 8080)),
        ("x-gitopsd: {traffic: {expose: inner, target: 8080}}", Traffic(8080, 8080, inner=True)),
        ("x-gitopsd: {traffic: {expose: inner, listen: 80, target: 8080}}", Traffic(80, 8080, inner=True)),
        ('ports: ["127.0.0.1:80:8080"], x-gitopsd: {traffic: {}}', Traffic(80, 8080, "127.0.0.1")),
        ('ports: ["80:8080", "81:8081"], x-gitopsd: {traffic: {listen: 81}}', Traffic(81, 8081)),
        ('ports: ["80:8080", "81:8081"], x-gitopsd: {traffic: {target: 8080}}', Traffic(80, 8080)),
        ('ports: ["80:8080"], x-gitopsd: {traffic: {listen: 80, target: 8080}}', Traffic(80, 8080)),
        ("x-gitopsd: {traffic: {listen: 80, target: 8080}}", Traffic(80, 8080)),
        ('ports: ["9000:9000"], x-gitopsd: {traffic: {listen: 80, target: 8080}}', Traffic(80, 8080)),
        ('ports: ["80:80", "90-91:90-91", "70:70/udp", "99"], x-gitopsd: {traffic: {}}', Traffic(80, 80)),
        ('ports: ["80:80"], x-gitopsd: {traffic: {mode: tcp}}', Traffic(80, 80, mode="tcp")),
        ('ports: ["443:80"], x-gitopsd: {traffic: {}}', Traffic(443, 80, tls=True, redirect_from=80)),
        ('ports: ["443:80"], x-gitopsd: {traffic: {redirect_from: none}}', Traffic(443, 80, tls=True)),
        ('ports: ["443:80"], x-gitopsd: {traffic: {redirect_from: 81}}', Traffic(443, 80, tls=True, redirect_from=81)),
        ('ports: ["443:80"], x-gitopsd: {traffic: {tls: false}}', Traffic(443, 80)),
        ('ports: ["443:80"], x-gitopsd: {traffic: {mode: tcp}}', Traffic(443, 80, mode="tcp")),
        ('ports: ["8443:80"], x-gitopsd: {traffic: {tls: true}}', Traffic(8443, 80, tls=True)),
        (
            'ports: ["80:80"], x-gitopsd: {traffic: {hosts: [a.example, "*.b.example"], path: /shop}}',
            Traffic(80, 80, hosts=("a.example", "*.b.example"), path="/shop"),
        ),
        ('ports: ["80:80"], x-gitopsd: {traffic: {sticky: {cookie: shop}}}', Traffic(80, 80, sticky="shop")),
        (
            'ports: ["80:80"], x-gitopsd: {traffic: {header: X-Canary}}',
            Traffic(80, 80, on_purpose=HeaderRoute("X-Canary")),
        ),
        (
            'ports: ["80:80"], x-gitopsd: {traffic: {cookie: {name: canary, value: "1"}, proxy_protocol: true}}',
            Traffic(80, 80, on_purpose=HeaderRoute("canary", "1", "cookie"), proxy_protocol=True),
        ),
    ],
)
def test_what_is_left_out_follows_from_the_ports(keys: str, traffic: Traffic) -> None:
    assert a_service(keys).traffic == traffic


@pytest.mark.parametrize(
    ("keys", "traffic"),
    [
        ('ports: ["5432:5432"]', Traffic(5432, 5432, mode="tcp")),
        ('ports: ["80:80"], x-gitopsd: {traffic: {}}', Traffic(80, 80)),
        ('ports: ["80:80"], x-gitopsd: {strategy: canary}', Traffic(80, 80)),
        ("", None),
        ('ports: ["53:53/udp"]', None),
        ('ports: ["8000-8010:8000-8010"]', None),
        ('ports: ["8000-8010:80"]', None),
        ('ports: ["80"]', None),
        ('ports: ["80:80"], network_mode: host', None),
        ('ports: ["80:80"], x-gitopsd: {job: {}}', None),
    ],
)
def test_the_environments_router_serves_every_published_tcp_port(keys: str, traffic: Traffic | None) -> None:
    assert a_service(keys, top=ROUTES_ALL).traffic == traffic


@pytest.mark.parametrize(("written", "router"), [("{}", "haproxy"), ("", "haproxy"), ("{router: none}", "")])
def test_haproxy_is_the_router_that_is_not_named(written: str, router: str) -> None:
    assert a_state(f"services: {{web: {{image: i}}}}\nx-gitopsd: {{traffic: {written}}}\n").policy.router == router


def test_what_lies_between_old_and_new_is_written_in_times() -> None:
    keys = "warm_up: 20s, drain_timeout: 1m, scale_down_delay: 10m, guard: off"

    policy = a_service(f'ports: ["80:80"], x-gitopsd: {{strategy: canary, {keys}}}').policy

    assert policy == Policy(
        strategy="canary",
        steps=policy.steps,
        warm_up=timedelta(seconds=20),
        drain_timeout=timedelta(minutes=1),
        scale_down_delay=timedelta(minutes=10),
        guard=False,
    )


def test_every_value_of_a_canary_is_shown_with_its_origin() -> None:
    manifest = """
services:
  web:
    image: i
    ports: ["80:8080"]
    x-gitopsd:
      strategy: canary
      drain_timeout: 1m
"""

    assert shown(manifest) == {
        "strategy": ("canary", "compose.yaml:7:7"),
        "traffic.listen": (80, "ports"),
        "traffic.target": (8080, "ports"),
        "traffic.mode": ("http", "default"),
        "traffic.hosts": ([], "default"),
        "traffic.path": ("/", "default"),
        "warm_up": ("0s", "default"),
        "drain_timeout": ("1m0s", "compose.yaml:8:7"),
        "guard": (True, "default"),
        "analysis": ({"metrics": []}, "default"),
        "scale_down_delay": ("30s", "default"),
        "steps": ([{"set_weight": 5}, {"pause": {"duration": "2m0s"}}, {"set_weight": 20},
                   {"pause": {"duration": "3m0s"}}, {"set_weight": 50}, {"pause": {"duration": "3m0s"}}], "default"),
    }  # fmt: skip


def test_what_the_environment_routes_says_so() -> None:
    manifest = 'services: {web: {image: i, ports: ["80:8080"]}}\nx-gitopsd:\n  traffic: {router: haproxy}\n'

    assert shown(manifest)["traffic.mode"] == ("tcp", "x-gitopsd.traffic of the environment, compose.yaml:3:3")


def test_a_port_that_only_the_host_knows_is_not_shown() -> None:
    manifest = 'services: {web: {image: i, ports: ["$PORT:8080"], x-gitopsd: {traffic: {}}}}'
    loaded = load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={"PORT": "4711"})

    assert "4711" not in str(resolved(loaded, "/r", defaults=True))
    assert loaded.desired.services["web"].traffic == Traffic(4711, 8080, hidden=True)


def test_the_port_of_the_router_is_another_release_but_no_other_container() -> None:
    manifest = 'services: {{web: {{image: i, ports: ["{}"], x-gitopsd: {{traffic: {{}}}}}}}}'
    one, other = (sealed(a_state(manifest.format(port))) for port in ("80:8080", "81:8081"))

    assert one.services["web"].fingerprint == other.services["web"].fingerprint
    assert one.content_digest != other.content_digest


def test_a_routed_service_is_another_container_than_one_with_its_own_port() -> None:
    manifest = "services: {{web: {{image: i, {}x-gitopsd: {{{}}}}}}}"
    routed = sealed(a_state(manifest.format('ports: ["80:80"], ', "traffic: {}"))).services["web"]
    own = sealed(a_state(manifest.format('ports: ["80:80"], ', ""))).services["web"]
    none = sealed(a_state(manifest.format("", ""))).services["web"]

    assert len({routed.fingerprint, own.fingerprint, none.fingerprint}) == 3


@pytest.mark.parametrize(
    "keys",
    [
        "strategy: canary",
        "traffic: {path: /a}",
        "traffic: {}, guard: off",
        "strategy: canary, analysis: {metrics: [{name: error-rate}]}",
    ],
)
def test_how_traffic_is_moved_is_another_release_but_no_other_container(keys: str) -> None:
    manifest = 'services: {{web: {{image: i, ports: ["80:80"], x-gitopsd: {{{}}}}}}}'
    one, other = (sealed(a_state(manifest.format(each))) for each in ("traffic: {}", keys))

    assert one.services["web"].fingerprint == other.services["web"].fingerprint
    assert one.content_digest != other.content_digest
