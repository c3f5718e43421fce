"""In which order an instance and its replacement meet, why, what it costs, and how to change that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.model.desired import Attachment, Bind, Policy, Port, SealedService, Service
from gitopsd.model.live import Instance
from gitopsd.model.strategy import Analyse, Approve, HeaderRoute, Pause, SetCanaryScale, SetWeight
from gitopsd.model.traffic import Traffic
from gitopsd.plan import replacement
from gitopsd.plan.shifting import alone_problems, told_steps
from tests.builders import NOON, a_service, a_state


def with_(sealed: SealedService, **fields: object) -> SealedService:
    service: Service = replace(sealed.service, **fields)  # type: ignore[arg-type]
    return replace(sealed, service=service)


def test_a_plain_service_is_replaced_start_first_without_interruption() -> None:
    found = replacement(a_service())
    assert (found.order, found.reason, found.interruption_s) == ("start-first", "", 0.0)


def test_a_published_port_can_be_bound_once() -> None:
    found = replacement(a_service(ports=[80]))
    assert found.order == "stop-first"
    assert (
        found.reason
        == "host port 80 can be bound once; behind a router (`x-gitopsd: {traffic: {}}`) it would be start-first"
    )


def test_not_even_the_manifest_can_bind_a_port_twice() -> None:
    assert replacement(a_service(ports=[80], order="start-first")).order == "stop-first"


def test_a_writable_volume_is_written_by_one_at_a_time() -> None:
    found = replacement(a_service(volumes=["data:/data"]))
    assert found.order == "stop-first"
    assert found.reason.startswith(
        "it writes to volume data at /data; `deploy.update_config.order: start-first` allows"
    )


def test_an_anonymous_volume_counts() -> None:
    assert replacement(a_service(volumes=["/data"])).reason.startswith("it writes to an anonymous volume at /data; ")


def test_a_volume_that_only_the_image_declares_counts() -> None:
    assert replacement(a_service(image_volumes=["/var/lib/x"])).reason.startswith("its image declares the volume /var")


def test_host_data_counts_unless_it_is_read_only() -> None:
    writes = with_(a_service(), mounts=(Bind("/srv/x", "/x"),))
    reads = with_(a_service(), mounts=(Bind("/srv/x", "/x", read_only=True),))
    assert replacement(writes).reason.startswith("it writes to /srv/x on the host")
    assert replacement(reads).order == "start-first"


def test_a_fixed_address_and_a_fixed_name_count() -> None:
    address = with_(a_service(), networks=(Attachment("default", ipv4_address="10.0.0.2"),))
    assert "its address on network default is fixed" in replacement(address).reason
    assert replacement(a_service(container_name="front")).reason.startswith("its container_name is fixed")


def test_the_manifest_may_allow_two_writers() -> None:
    assert replacement(a_service(volumes=["data:/data"], order="start-first")).order == "start-first"


def test_the_manifest_may_ask_for_stop_first() -> None:
    found = replacement(a_service(order="stop-first"))
    assert (found.order, found.reason) == ("stop-first", "the manifest says order: stop-first")


def test_the_interruption_is_stop_start_and_min_ready() -> None:
    assert replacement(a_service(order="stop-first", min_ready=5)).interruption_s == 7.0


def test_slots_that_take_turns_leave_no_gap() -> None:
    assert replacement(a_service(order="stop-first", replicas=3, parallelism=2)).interruption_s == 0.0
    assert replacement(a_service(order="stop-first", replicas=3, parallelism=0)).interruption_s == 7.0


def test_behind_the_router_nobody_notices_a_replacement() -> None:
    found = replacement(a_service(traffic="80:8080"))
    assert (found.order, found.reason, found.interruption_s) == ("start-first", "the router has host port 80", 0.0)


def test_the_routers_port_binds_no_container_and_another_one_does() -> None:
    routed = with_(a_service(traffic="80:8080"), ports=(Port(8080, "80"),))
    assert replacement(routed).order == "start-first"
    both = with_(routed, ports=(Port(8080, "80"), Port(9090, "90")))
    assert replacement(both).reason == (
        "host port 90 can be bound once; without a published port it would be start-first"
    )


def test_a_port_that_containers_have_goes_over_to_the_router_once() -> None:
    routed = a_service(traffic="80:8080")
    found = replacement(routed, [publishing(":80")])
    assert (found.order, found.interruption_s) == ("stop-first", 7.0)
    assert found.reason == "host port 80 goes over from its container to the router, this once"


def test_another_port_or_another_address_is_not_in_the_routers_way() -> None:
    local = with_(a_service(), traffic=Traffic(80, 8080, "127.0.0.1"))
    assert replacement(local, [publishing("10.0.0.1:80")]).order == "start-first"
    assert replacement(local, [publishing("0.0.0.0:80")]).order == "stop-first"
    assert replacement(local, [publishing("127.0.0.1:81")]).order == "start-first"


@pytest.mark.parametrize("strategy", ["canary", "blue-green"])
def test_traffic_cannot_move_between_two_of_what_stands_alone(strategy: str) -> None:
    alone = a_service(traffic="80:8080", strategy=strategy, volumes=["data:/data"])
    (problem,) = alone_problems(a_state(alone).desired)
    assert problem.path == "services.web.x-gitopsd.strategy"
    assert problem.message == (
        f"{strategy} has the new beside the old, but it writes to volume data at /data; "
        "`deploy.update_config.order: start-first` allows two at once; else write strategy: rolling"
    )


def test_a_volume_that_only_the_image_declares_is_in_the_way_of_a_canary_too() -> None:
    desired = a_state(a_service(traffic="80:8080", strategy="canary")).desired
    assert alone_problems(desired) == ()
    assert "its image declares the volume /x" in alone_problems(desired, {"web": ("/x",)})[0].message


def test_the_stops_of_a_canary_are_told_in_words() -> None:
    steps = (
        SetCanaryScale(percent=20), SetWeight(50), HeaderRoute("X-Canary", "1"), Analyse(timedelta(minutes=3)),
        Approve(), HeaderRoute(""), SetCanaryScale(2), SetCanaryScale(), Pause(), Pause(timedelta(seconds=90)),
    )  # fmt: skip
    assert told_steps(Policy(strategy="canary", steps=steps)) == (
        "scale 20 %", "0.5 %", "header X-Canary=1", "analysis 3m", "approval", "no more requests on purpose",
        "scale 2", "scale as the share", "pause until promoted", "pause 1m30s", "all",
    )  # fmt: skip
    assert told_steps(Policy()) == ()


def publishing(binding: str) -> Instance:
    return Instance("c1", "shop-web-1", "web", 1, "running", NOON, fields={"ports": {"8080/tcp": [binding]}})
