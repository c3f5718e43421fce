"""What `eject` prints of an environment on a swarm is a file that `docker stack deploy` takes."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gitopsd.manifest import Plain, made_anew, stack_file

DOCUMENT = {
    "name": "shop",
    "services": {
        "web": {
            "image": "shop/web:1",
            "command": None,
            "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "64000000"}}},
            "depends_on": {"db": {"condition": "service_started", "required": True}},
            "ports": [{"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}],
            "configs": [{"source": "page", "target": "/etc/page", "mode": "0400"}],
            "labels": {"tier": "front"},
            "restart": "on-failure:3",
            "mem_limit": "64000000",
            "group_add": ["7"],
            "volumes": [
                {"type": "volume", "source": "data", "target": "/data", "volume": {}},
                {"type": "bind", "source": "/srv", "target": "/in", "bind": {"create_host_path": True}},
                {"type": "bind", "source": "/srv", "target": "/out", "bind": {"propagation": "rshared"}},
            ],
            "secrets": [{"source": "token"}],
        },
        "db": {"image": "shop/db:1"},
    },
    "configs": {"page": {"name": "shop_page", "file": "./page"}, "unused": {"name": "shop_unused", "file": "./unused"}},
    "secrets": {"token": {"environment": "TOKEN"}},
    "networks": {"default": {"name": "shop_default"}},
    "volumes": {"data": {"name": "shop_data"}},
}
CONTAINER: dict[str, Any] = {
    "Labels": {"com.docker.stack.namespace": "shop", "gitopsd.fingerprint": "v2:1", "tier": "front"},
    "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
    "Configs": [{"ConfigName": "shop_page_0123456789ab", "File": {"Name": "/etc/page", "Mode": 0o400}}],
    "Secrets": [{"SecretName": "shop_token_ba9876543210", "File": {"Name": "token"}}],
    "Mounts": [{"Source": "shop_data", "VolumeOptions": {"Labels": {"gitopsd.environment": "shop", "own": "yes"}}}],
}
TEMPLATE: dict[str, Any] = {
    "ContainerSpec": CONTAINER,
    "RestartPolicy": {"Condition": "on-failure", "Delay": 5 * 10**9, "MaxAttempts": 3},
    "Resources": {"Limits": {"NanoCPUs": 5 * 10**8, "MemoryBytes": 64000000}},
    "Networks": [{"Target": "shop_default", "Aliases": ["web"]}],
}
BODIES: dict[str, Any] = {"web": {"TaskTemplate": TEMPLATE}}


def test_configs_and_secrets_are_those_that_the_swarm_has_so_that_no_value_and_no_file_is_needed() -> None:
    made = stack_file(Plain(DOCUMENT, ("TOKEN",), ("./page", "./unused")), BODIES)
    assert made.document["configs"] == {
        "page": {"external": True, "name": "shop_page_0123456789ab"},
        "unused": {"name": "shop_unused", "file": "./unused"},
    }
    assert made.document["secrets"] == {"token": {"external": True, "name": "shop_token_ba9876543210"}}
    assert (made.secrets, made.content) == ((), ("./unused",))


def test_it_is_written_as_the_older_schema_wants_it() -> None:
    document = stack_file(Plain(DOCUMENT, (), ()), {}).document
    assert "name" not in document
    assert document["version"] == "3.8"
    web = document["services"]["web"]  # type: ignore[index,call-overload]
    assert web["deploy"]["resources"]["limits"] == {"cpus": "0.5", "memory": "64000000"}  # type: ignore[index,call-overload]
    assert "command" not in web  # type: ignore[operator]
    assert web["depends_on"] == ["db"]  # type: ignore[index,call-overload]
    assert web["ports"][0]["published"] == 8080  # type: ignore[index,call-overload]
    assert document["secrets"] == {"token": {"environment": "TOKEN"}}


def test_what_moves_a_task_is_said_as_it_was_told_so_that_nothing_is_made_anew() -> None:
    made = stack_file(Plain(DOCUMENT, (), ()), BODIES)
    web: Any = made.document["services"]["web"]  # type: ignore[index,call-overload]
    assert web["labels"] == {"tier": "front", "gitopsd.fingerprint": "v2:1"}
    assert web["deploy"] == {
        "resources": {"limits": {"cpus": "0.5", "memory": "64000000"}},
        "restart_policy": {"condition": "on-failure", "delay": "5s", "max_attempts": 3},
    }
    assert not {"restart", "mem_limit", "group_add"} & web.keys()  # an older schema has no word for them
    assert [each.get("bind") for each in web["volumes"]] == [None, None, {"propagation": "rshared"}]
    assert web["configs"][0]["mode"] == 0o400
    assert (web["configs"][0]["target"], web["secrets"][0]["target"]) == ("/etc/page", "token")
    volumes: Any = made.document["volumes"]
    assert volumes["data"] == {"name": "shop_data", "labels": {"gitopsd.environment": "shop"}}
    assert list(made_anew(made, BODIES)) == []


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "it is on the router's network": lambda body: body["Networks"].append({"Target": "gitopsd", "Aliases": ["web"]}),
    "it joins its networks in an order of its own": lambda body: body["Networks"].insert(
        0, {"Target": "shop_zeta", "Aliases": ["web"]}
    ),
    "its own name is not the last of its aliases": lambda body: body["Networks"][0]["Aliases"].append("zeta"),
    "it has group_add": lambda body: body["ContainerSpec"].update(Groups=["7"]),
    "it has dns_opt": lambda body: body["ContainerSpec"].update(DNSConfig={"Options": ["rotate"]}),
    "it limits its processes": lambda body: body["Resources"]["Limits"].update(Pids=7),
    "a tmpfs of it has a mode": lambda body: body["ContainerSpec"].update(Mounts=[{"TmpfsOptions": {"Mode": 7}}]),
    "it was told without privileges, by another hand": lambda body: body["ContainerSpec"].pop("Privileges"),
}


@pytest.mark.parametrize("why", CHANGES)
def test_what_the_file_has_no_words_for_is_told_with_the_service_that_it_makes_anew(why: str) -> None:
    bodies = copy.deepcopy(BODIES)
    CHANGES[why](bodies["web"]["TaskTemplate"])
    shown = {**DOCUMENT, "networks": {**DOCUMENT["networks"], "zeta": {"name": "shop_zeta"}}}  # type: ignore[dict-item]
    assert list(made_anew(stack_file(Plain(shown, (), ()), bodies), bodies)) == [("web", why)]


def test_a_job_and_ports_in_another_order_are_told_too() -> None:
    made, ports = stack_file(Plain(DOCUMENT, (), ()), BODIES), [{"PublishedPort": 81}, {"PublishedPort": 80}]
    job = {"web": {**BODIES["web"], "Mode": {"ReplicatedJob": {}}}}
    assert list(made_anew(made, job)) == [("web", "it is a job, which runs again whatever it is told")]
    published = {"web": {**BODIES["web"], "EndpointSpec": {"Ports": ports}}}
    assert list(made_anew(made, published)) == [("web", "it publishes ports in an order of its own")]
