"""What the nodes of a swarm cannot have is held before it starts, and goes on once they can."""

from dataclasses import replace

from gitopsd.engine_json.swarm_spec import STACK
from tests.controller.test_swarm import SwarmHouse, house, push

__all__ = ("house",)


def test_what_no_node_can_have_is_held_before_it_starts(house: SwarmHouse) -> None:
    push(house, more="    deploy: {placement: {constraints: [node.labels.disk == ssd]}}\n")
    house.eventually(lambda: "placement" in house.guards("shop"))
    assert house.swarm.services == {}
    house.swarm.nodes = (replace(house.swarm.nodes[0], labels={"disk": "ssd"}),)
    house.timer.tick(60)
    house.eventually(lambda: house.outcome() == "succeeded" if house.store.releases("shop", 1) else False)


def test_what_others_have_the_room_of_is_held_until_they_leave(house: SwarmHouse) -> None:
    image = {"ContainerSpec": {"Image": "db:1"}}
    port = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 80, "PublishMode": "host"}
    body = {"Name": "other_db", "Labels": {STACK: "other"}, "TaskTemplate": image, "EndpointSpec": {"Ports": [port]}}
    house.swarm.deployed("other_db", {**body, "Mode": {"Global": {}}})
    push(house, more="    ports: [{target: 80, published: 80, mode: host}]\n")
    house.eventually(lambda: "placement" in house.guards("shop"))
    (hold,) = (each for each in house.status("shop").holds if each.guard == "placement")  # type: ignore[union-attr]
    assert hold.reason == "web: no node can have it: alpha: other_db has its port 80"
    assert list(house.swarm.services) == ["other_db"]
    del house.swarm.services["other_db"]
    house.timer.tick(60)
    house.eventually(lambda: house.outcome() == "succeeded" if house.store.releases("shop", 1) else False)
