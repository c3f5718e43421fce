"""What services of a swarm stand on: what somebody removed, added or changed around them is found, with its cause."""

from dataclasses import replace

from gitopsd.drift.swarm_ground import ground_drift
from gitopsd.engine_json.resource import network_projection
from gitopsd.engine_json.swarm_spec import STACK, swarm_spec
from gitopsd.model.drift import DriftItem
from gitopsd.model.live import LiveNetwork
from gitopsd.model.release import Journal
from gitopsd.model.swarm import HeldObject, SwarmNode, SwarmState
from tests.fakes.clock import NOON
from tests.manifest.compose_builders import KEY, a_state, sealed

STATE = sealed(
    a_state(
        """\
name: shop
services:
  web: {image: nginx, configs: [page], deploy: {placement: {constraints: [node.labels.disk == ssd]}}}
networks: {default: {attachable: true}}
configs: {page: {content: hello}}
""",
        swarm=True,
    )
)
TOLD = swarm_spec(STATE.services["web"], STATE.desired, key=KEY, replicas=1)
(PAGE,) = TOLD.objects
MADE_FROM = STATE.resources["network default"]
SHOWN = {
    "Id": "n",
    "Name": "shop_default",
    "Driver": "overlay",
    "Attachable": True,
    "Internal": False,
    "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
    "Labels": {STACK: "shop", "gitopsd.environment": "production", "gitopsd.options": MADE_FROM},
    "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"},
}
NETWORK = LiveNetwork("n", "shop_default", {STACK: "shop"}, MADE_FROM, network_projection(SHOWN))
NODE = SwarmNode("n1", "alpha", "manager", "ready", "active", labels={"disk": "ssd"})
WHOLE = SwarmState(nodes=(NODE,), networks=(NETWORK,), objects=(HeldObject("config", "c", PAGE.name),))


def drift(live: SwarmState) -> list[DriftItem]:
    return list(ground_drift(Journal("production"), STATE, live, {"web": TOLD}, NOON))


def test_what_is_as_it_was_made_does_not_drift() -> None:
    assert drift(WHOLE) == []


def test_a_network_and_a_config_that_are_gone_are_made_again() -> None:
    network, config = drift(replace(WHOLE, networks=(), objects=()))
    assert (network.resource, network.kind, network.cure) == ("network", "missing", "recreate")
    assert (config.resource, config.kind, config.service, config.cure) == ("config", "missing", "web", "recreate")
    assert config.cause == f"config {PAGE.name} is gone: removed, and not by gitopsd"


def test_a_network_that_was_made_anew_otherwise_says_how() -> None:
    other = replace(NETWORK, fields=network_projection({**SHOWN, "Attachable": False}))
    (found,) = drift(replace(WHOLE, networks=(other,)))
    assert (found.kind, [each.path for each in found.changes]) == ("modified", ["attachable"])


def test_a_second_network_of_one_name_is_told() -> None:
    twin = LiveNetwork("m", "shop_default", {})
    (found,) = drift(replace(WHOLE, networks=(NETWORK, twin)))
    assert (found.kind, found.cause) == ("extra", "there are 2 networks shop_default: remove those made by hand")


def test_a_node_that_was_drained_or_lost_its_label_is_told_of_at_the_service() -> None:
    for node, why in ((replace(NODE, availability="drain"), "it is drained"), (replace(NODE, labels={}), "not node")):
        (found,) = drift(replace(WHOLE, nodes=(node,)))
        assert (found.resource, found.service, found.cure) == ("service", "web", "none")
        assert f"a node was changed, or is gone: no node can have it: alpha: {why}" in found.cause
