"""A repository of the stacks that `docker stack deploy` runs: what was written says what runs, and is adopted so."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gitopsd.model.settings import EnvironmentSettings, TargetEngine
from tests.cli.shop import Shop

STACK = {"com.docker.stack.namespace": "shop"}
TARGET = TargetEngine("unix:///swarm", swarm=True)
CONTAINER: dict[str, Any] = {
    "Image": "web:1",
    "Labels": {**STACK, "tier": "front"},
    "Args": ["serve", "--price", "$5"],
    "Env": ["COLOUR=blue", "DB_PASSWORD=s3cret$"],
    "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5 * 10**9, "Retries": 3},
    "Hosts": ["10.0.0.9 db"],
    "StopGracePeriod": 20 * 10**9,
    "Mounts": [
        {"Type": "volume", "Source": "shop_data", "Target": "/data", "VolumeOptions": {"Labels": STACK}},
        {"Type": "bind", "Source": "/srv/in", "Target": "/in", "ReadOnly": True},
    ],
    "Configs": [{"File": {"Name": "/etc/page", "UID": "0", "GID": "0", "Mode": 0o444}, "ConfigName": "shop_page"}],
    "Secrets": [{"File": {"Name": "token", "UID": "7", "GID": "0", "Mode": 0o400}, "SecretName": "shop_token"}],
    "CapabilityAdd": ["CAP_NET_ADMIN"],
    "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}],
    "Init": True,
}
BODY: dict[str, Any] = {
    "Name": "shop_web",
    "Labels": {**STACK, "com.docker.stack.image": "web:1", "team": "shop"},
    "TaskTemplate": {
        "ContainerSpec": CONTAINER,
        "Resources": {"Limits": {"MemoryBytes": 64 << 20}, "Reservations": {"NanoCPUs": 25 * 10**7}},
        "RestartPolicy": {"Condition": "any", "Delay": 2 * 10**9, "MaxAttempts": 0},
        "Placement": {"Constraints": ["node.role == manager"], "MaxReplicas": 4},
        "Networks": [
            {"Target": "shop_back", "Aliases": ["shop", "web"]},
            {"Target": "shop_default", "Aliases": ["web"]},
        ],
        "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}},
        "ForceUpdate": 0,
        "Runtime": "container",
    },
    "Mode": {"Replicated": {"Replicas": 2}},
    "UpdateConfig": {"Parallelism": 0, "Monitor": 10**9, "FailureAction": "rollback", "Order": "start-first"},
    "EndpointSpec": {
        "Mode": "vip",
        "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"}],
    },
}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop")}, target=TARGET)
    made.swarm.configs["shop_page"] = b"hello"
    for network in ("shop_back", "shop_default"):
        made.swarm.deployed("shop_web", BODY, network)
    return made


def written(shop: Shop) -> tuple[Path, Any]:
    place = shop.directory.parent / "repository"
    return place, shop.json("adopt", "--all", "--write", str(place))


def document(place: Path) -> Any:
    return yaml.safe_load((place / "environments/shop/compose.yaml").read_text())


def test_a_stack_becomes_a_file_that_says_what_runs_with_its_configs_beside_it(shop: Shop) -> None:
    place, said = written(shop)
    assert said["files"] == [
        *(".gitignore", "environments/shop/compose.yaml", "environments/shop/configs/page", "gitopsd.yaml"),
        "variables/shop.env",
    ]
    assert (place / "environments/shop/configs/page").read_bytes() == b"hello"
    web = document(place)["services"]["web"]
    assert web["deploy"] == {
        "labels": {"team": "shop"},
        "update_config": {"parallelism": 0, "failure_action": "rollback", "monitor": "1s", "order": "start-first"},
        "resources": {"limits": {"memory": "67108864"}, "reservations": {"cpus": "0.25"}},
        "restart_policy": {"condition": "any", "delay": "2s"},
        "placement": {"constraints": ["node.role == manager"], "max_replicas_per_node": 4},
        "replicas": 2,
    }
    assert web["ports"] == [{"target": 80, "published": "8080", "mode": "host"}]
    assert (web["command"][2], web["labels"]) == ("$$5", {"tier": "front"})
    assert web["networks"] == {"back": {"aliases": ["shop"]}, "default": None}
    assert document(place)["volumes"] == {"data": None}


def test_secrets_are_the_hosts_to_say_and_never_in_the_repository(shop: Shop) -> None:
    place, said = written(shop)
    assert document(place)["secrets"] == {"token": {"external": True}}
    assert "s3cret" not in (place / "environments/shop/compose.yaml").read_text()
    assert (place / "variables/shop.env").read_text() == 'WEB_DB_PASSWORD="s3cret\\$"\n'
    (found,) = said["environments"]
    mend = "`gitopsd secret set shop token` before it is adopted"
    assert (found["source"], found["notes"]) == ("services", [f"what shop_token holds cannot be read back; {mend}"])


def test_what_was_written_is_adopted_without_a_new_task(shop: Shop) -> None:
    place, _ = written(shop)
    files = {each.relative_to(place).as_posix(): each.read_bytes() for each in place.rglob("*") if each.is_file()}
    shop.source.write({path: data for path, data in files.items() if path.startswith("environments/")})
    settings = yaml.safe_load(files["gitopsd.yaml"])
    assert settings["target"] == {"swarm": "unix:///swarm"}
    variables = Path(settings["environments"]["shop"]["vars_file"])
    shop.environments["shop"] = EnvironmentSettings("shop", vars_file=variables)
    before = [each.id for each in shop.swarm.services["shop_web"].tasks]
    shop.secrets.keep("shop", "token", b"whatever it is")
    (found,) = shop.json("adopt", "--all")["projects"]
    assert (found["result"], found["adopted"]) == ("1 service of stack shop adopted as they run", True)
    assert [each.id for each in shop.swarm.services["shop_web"].tasks] == before
    assert [each["change"] for each in shop.json("plan", "shop")["environments"][0]["changes"]] == ["unchanged"]


def test_what_a_gitopsd_has_already_is_not_written(shop: Shop) -> None:
    shop.swarm.owners["shop"] = "somebody"
    _, said = written(shop)
    assert said["environments"] == []
