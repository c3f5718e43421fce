"""What people do by hand to services of a real swarm: each is told with its fields and its cause, and undone."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest

from gitopsd.model.event import Event
from tests.e2e.conftest import ONE, TWO
from tests.e2e.swarm_rig import SwarmRig, told

pytestmark = [pytest.mark.engine, pytest.mark.long]
WITHIN = 180.0
Spec = dict[str, Any]
SECOND_NS = 10**9


class Hand(NamedTuple):
    """What somebody does to a service, as `docker service update` does with this option; the fields that it changes."""

    change: Callable[[Spec], object]
    fields: str
    cause: str = ""


def task(spec: Spec) -> Spec:
    found: Spec = spec["TaskTemplate"]
    return found


def container(spec: Spec) -> Spec:
    found: Spec = spec["TaskTemplate"]["ContainerSpec"]
    return found


IN_TASK, IN_CONTAINER = "TaskTemplate.", "TaskTemplate.ContainerSpec."
HANDS = {
    "scale": Hand(
        lambda s: s["Mode"]["Replicated"].update(Replicas=3), "Mode.Replicated.Replicas", "scaled by hand from 1 to 3"
    ),
    "stopped": Hand(
        lambda s: s["Mode"]["Replicated"].update(Replicas=0), "Mode.Replicated.Replicas", "scaled by hand from 1 to 0"
    ),
    "label-add": Hand(lambda s: s["Labels"].update(by="hand"), "Labels.by"),
    "label-change": Hand(lambda s: s["Labels"].update(team="blue"), "Labels.team"),
    "label-rm": Hand(lambda s: s["Labels"].pop("team"), "Labels.team"),
    "container-label": Hand(lambda s: container(s)["Labels"].update(by="hand"), f"{IN_CONTAINER}Labels.by"),
    "mount-add": Hand(
        lambda s: container(s).update(Mounts=[{"Type": "tmpfs", "Target": "/scratch"}]), f"{IN_CONTAINER}Mounts"
    ),
    "env-add": Hand(lambda s: container(s)["Env"].append("DEBUG=1"), f"{IN_CONTAINER}Env.DEBUG"),
    "env-rm": Hand(lambda s: container(s).pop("Env"), f"{IN_CONTAINER}Env.A"),
    "env-change": Hand(lambda s: container(s).update(Env=["A=c"]), f"{IN_CONTAINER}Env.A"),
    "image": Hand(lambda s: container(s).update(Image=TWO), f"{IN_CONTAINER}Image"),
    "args": Hand(
        lambda s: container(s).update(Args=["httpd", "-f", "-p", "8080", "-h", "/www"]), f"{IN_CONTAINER}Args"
    ),
    "user": Hand(lambda s: container(s).update(User="nobody"), f"{IN_CONTAINER}User"),
    "hostname": Hand(lambda s: container(s).update(Hostname="mine"), f"{IN_CONTAINER}Hostname"),
    "host-add": Hand(lambda s: container(s).update(Hosts=["192.0.2.1 db"]), f"{IN_CONTAINER}Hosts"),
    "read-only": Hand(lambda s: container(s).update(ReadOnly=True), f"{IN_CONTAINER}ReadOnly"),
    "stop-grace-period": Hand(
        lambda s: container(s).update(StopGracePeriod=3 * SECOND_NS), f"{IN_CONTAINER}StopGracePeriod"
    ),
    "config-rm": Hand(lambda s: container(s).pop("Configs"), f"{IN_CONTAINER}Configs"),
    "limit-memory": Hand(
        lambda s: task(s).update(Resources={"Limits": {"MemoryBytes": 64 << 20}}),
        f"{IN_TASK}Resources.Limits.MemoryBytes",
    ),
    "reserve-cpu": Hand(
        lambda s: task(s).update(Resources={"Reservations": {"NanoCPUs": 10**7}}),
        f"{IN_TASK}Resources.Reservations.NanoCPUs",
    ),
    "constraint-add": Hand(
        lambda s: task(s).update(Placement={"Constraints": ["node.role == manager"]}),
        f"{IN_TASK}Placement.Constraints",
    ),
    "placement-pref-add": Hand(
        lambda s: task(s).update(Placement={"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}]}),
        f"{IN_TASK}Placement.Preferences",
    ),
    "restart-condition": Hand(
        lambda s: task(s)["RestartPolicy"].update(Condition="none"), f"{IN_TASK}RestartPolicy.Condition"
    ),
    "network-rm": Hand(lambda s: task(s).update(Networks=task(s)["Networks"][:1]), f"{IN_TASK}Networks"),
    "update-parallelism": Hand(lambda s: s["UpdateConfig"].update(Parallelism=9), "UpdateConfig.Parallelism"),
    "rollback-order": Hand(lambda s: s["RollbackConfig"].update(Order="stop-first"), "RollbackConfig.Order"),
    "publish-add": Hand(
        lambda s: s["EndpointSpec"].update(
            Ports=[{"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 9000, "PublishMode": "host"}]
        ),
        "EndpointSpec.Ports",
    ),
    "endpoint-mode": Hand(lambda s: s["EndpointSpec"].update(Mode="dnsrr"), "EndpointSpec.Mode"),
}


def service(version: str = "1") -> dict[str, Any]:
    return told(
        ONE,
        environment={"A": "b"} if version == "1" else {"A": "b", "V": version},
        configs=[{"source": "page", "target": "/etc/page"}],
        networks=["default", "back"],
        deploy={"replicas": 1, "labels": {"team": "red"}},
    )


def push(swarm: SwarmRig, **versions: str) -> str:
    names = [*HANDS, "force", "rollback", "rm"]
    services = {name: service(versions.get(name, "1")) for name in names}
    document = {"services": services, "configs": {"page": {"content": "one"}}, "networks": {"back": {}}}
    return swarm.rig.push_document(document)


@pytest.mark.timeout(600)
def test_whatever_people_do_to_services_is_told_with_its_fields_and_cause_and_undone(nodes_rig: SwarmRig) -> None:
    rig = nodes_rig.rig
    rig.synced(push(nodes_rig), within=WITHIN)
    rig.synced(push(nodes_rig, rollback="2"), within=WITHIN)
    names = [*HANDS, "rollback", "rm"]
    before = {name: nodes_rig.service(name)["Spec"] for name in names}

    for name, hand in HANDS.items():
        nodes_rig.change(hand.change, name)
    nodes_rig.change(lambda spec: spec["TaskTemplate"].update(ForceUpdate=1), "force")
    nodes_rig.roll_back("rollback")
    rig.api.remove_service(f"{rig.project}_rm")

    ended = {name: rig.eventually(partial(event, nodes_rig, "DriftEnded", name), WITHIN) for name in names}
    found = {name: event(nodes_rig, "DriftFound", name) for name in (*names, "force")}
    changed = {name: words(found[name]) for name in HANDS}
    assert changed == {
        name: (hand.fields, hand.cause or f"changed by hand: {hand.fields}") for name, hand in HANDS.items()
    }
    assert words(found["force"]) == ("TaskTemplate.ForceUpdate", "made anew by a forced update")
    assert words(found["rollback"])[1] == "rolled back by hand to what it was told before"
    assert "TaskTemplate.ContainerSpec.Env.V" in words(found["rollback"])[0]
    assert words(found["rm"]) == ("", "removed by hand")
    assert {name: each.data["end"] for name, each in ended.items()} == dict.fromkeys(names, "healed")
    assert {name: nodes_rig.service(name)["Spec"] for name in names} == before
    assert len(found) >= 20
    rig.eventually(lambda: rig.status().sync == "Synced")


def event(swarm: SwarmRig, reason: str, name: str) -> Event:
    found = [each for each in swarm.rig.events(reason) if each.service == name]
    assert len(found) == 1, found
    return found[0]


def words(told: Event) -> tuple[str, str]:
    fields = told.data["fields"]
    assert isinstance(fields, list)
    return " ".join(map(str, fields)), str(told.data["cause"])
