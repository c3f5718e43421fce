"""What `eject` prints of an environment on a swarm is a file that `docker stack deploy` takes."""

from gitopsd.manifest import Plain, stack_file

DOCUMENT = {
    "name": "shop",
    "services": {
        "web": {
            "image": "shop/web:1",
            "command": None,
            "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "64000000"}}},
            "depends_on": {"db": {"condition": "service_started", "required": True}},
            "ports": [{"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}],
            "configs": [{"source": "page", "target": "/etc/page"}],
            "secrets": [{"source": "token"}],
        },
        "db": {"image": "shop/db:1"},
    },
    "configs": {"page": {"name": "shop_page", "file": "./page"}, "unused": {"name": "shop_unused", "file": "./unused"}},
    "secrets": {"token": {"environment": "TOKEN"}},
}
GIVEN = {"web": {"config /etc/page": "shop_page_0123456789ab", "secret /run/secrets/token": "shop_token_ba9876543210"}}


def test_configs_and_secrets_are_those_that_the_swarm_has_so_that_no_value_and_no_file_is_needed() -> None:
    made = stack_file(Plain(DOCUMENT, ("TOKEN",), ("./page", "./unused")), GIVEN)
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
