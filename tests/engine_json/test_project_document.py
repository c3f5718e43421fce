"""A project that runs is written as one Compose document, with its secrets apart."""

from datetime import UTC, datetime
from typing import Any

from gitopsd.engine_json.labels import NETWORK, PROJECT, VOLUME
from gitopsd.engine_json.project_document import ProjectDocument, document_of
from gitopsd.model.live import Instance, LiveNetwork, LiveState, LiveVolume

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
DEFAULT = {"networks": {"shop_default": {"aliases": ["web"]}}}


def an_instance(service: str = "web", slot: int = 1, **how: Any) -> Instance:
    name = f"shop-{service}-{slot}"
    fields = {"name": name, "image": "sha256:1", **how.pop("fields", DEFAULT)}
    facts: dict[str, Any] = {"state": "running", "created_at": NOON, "image": f"{service}:1", "image_id": "sha256:1"}
    return Instance(id=f"id of {name}", name=name, service=service, slot=slot, **{**facts, **how}, fields=fields)


def a_network(key: str = "default", **fields: Any) -> LiveNetwork:
    own = {PROJECT: "shop", NETWORK: key}
    return LiveNetwork(key, f"shop_{key}", own, fields={"driver": "bridge", **fields})


PLAIN = (a_network(),)


def document(*instances: Instance, networks: Any = PLAIN, volumes: Any = ()) -> ProjectDocument:
    return document_of("shop", LiveState(instances, tuple(networks), tuple(volumes)), {})


def service(*instances: Instance, **others: Any) -> Any:
    return document(*instances, **others).document["services"]["web"]  # type: ignore[index, call-overload]


def test_replicas_are_one_service() -> None:
    found = document(an_instance(slot=1), an_instance(slot=2), an_instance("db", fields={})).document

    assert found == {
        "services": {"db": {"image": "db:1"}, "web": {"image": "web:1", "deploy": {"replicas": 2}}},
    }


def test_what_looks_like_a_secret_is_a_variable_and_dollars_are_doubled() -> None:
    variables = {"DB_PASSWORD": "open $esame", "PRICE": "$5", "EMPTY_TOKEN": ""}

    found = document(an_instance(fields={"environment": variables}))

    assert found.document["services"]["web"]["environment"] == {  # type: ignore[index, call-overload]
        "DB_PASSWORD": "${WEB_DB_PASSWORD}",
        "PRICE": "$$5",
        "EMPTY_TOKEN": "",
    }
    assert found.secrets == {"WEB_DB_PASSWORD": "open $esame"}


def test_dependencies_come_from_composes_label() -> None:
    label = {"com.docker.compose.depends_on": "db:service_healthy:true,cache:service_started:false"}

    assert service(an_instance(labels=label))["depends_on"] == {
        "db": {"condition": "service_healthy", "restart": True},
        "cache": {"condition": "service_started"},
    }


def test_links_are_the_services_without_the_names_that_compose_adds() -> None:
    db = [an_instance("db", slot, fields={}) for slot in (1, 2)]
    aliases = ("database", "db-1", "shop-db-1")
    links = [f"{each.name}:{alias}" for each in db for alias in aliases] + ["mail:mail", "mail:post"]

    found = service(an_instance(fields={"networks": {"shop_default": {"aliases": ["web"], "links": links}}}), *db)

    assert (found["links"], found["external_links"]) == (["db:database"], ["mail", "mail:post"])


def test_a_namespace_of_a_sibling_is_the_services() -> None:
    db = an_instance("db", fields={})
    fields = {"network_mode": f"container:{db.id}", "volumes_from": [f"{db.id}:ro", "other"]}

    found = service(an_instance(fields=fields), db)

    assert (found["network_mode"], found["volumes_from"]) == ("service:db", ["db:ro", "container:other"])


def test_what_ended_well_is_written_as_a_one_shot() -> None:
    assert service(an_instance(state="exited", exit_code=0))["restart"] == "no"
    assert "restart" not in service(an_instance(state="exited", exit_code=1))


def test_one_off_containers_are_no_services() -> None:
    assert set(document(an_instance(), an_instance("run", one_off=True)).document["services"]) == {"web"}  # type: ignore[arg-type]


def test_networks_of_the_project_are_declared_and_others_are_external() -> None:
    joined = {"shop_back": {"aliases": ["web", "store"]}, "proxy": {"aliases": ["web"]}}
    back = a_network("back", internal=True)

    found = document(an_instance(fields={"networks": joined}), networks=(back,)).document

    assert found["networks"] == {"back": {"internal": True}, "proxy": {"name": "proxy", "external": True}}
    assert found["services"]["web"]["networks"] == {"back": {"aliases": ["store"]}, "proxy": None}  # type: ignore[index, call-overload]


def test_a_subnet_is_declared_only_where_it_was_asked_for() -> None:
    pools = {"10.0.0.0/24": {"gateway": "10.0.0.1"}}
    taken = a_network("default", **{"ipam.config": pools})
    fixed = {"networks": {"shop_default": {"ipv4_address": "10.0.0.9"}}}

    assert "networks" not in document(an_instance(), networks=(taken,)).document
    assert document(an_instance(fields=fixed), networks=(taken,)).document["networks"] == {
        "default": {"ipam": {"config": [{"subnet": "10.0.0.0/24", "gateway": "10.0.0.1"}]}}
    }


def test_named_volumes_go_by_their_keys_and_foreign_ones_are_external() -> None:
    mounts = {
        "/a": {"type": "volume", "source": "shop_data", "read_only": False},
        "/b": {"type": "volume", "source": "else where", "read_only": True},
    }
    data = LiveVolume(
        "shop_data", {PROJECT: "shop", VOLUME: "data"}, fields={"driver": "local", "driver_opts": {"o": "x"}}
    )

    found = document(an_instance(fields={"volumes": mounts}), volumes=(data,)).document

    assert found["volumes"] == {
        "data": {"driver_opts": {"o": "x"}},
        "else_where": {"name": "else where", "external": True},
    }
    assert [each["source"] for each in found["services"]["web"]["volumes"]] == ["data", "else_where"]  # type: ignore[index, call-overload]


def test_the_routers_network_is_in_no_document() -> None:
    joined = {"shop_default": {"aliases": ["web"]}, "gitopsd-routed": {"ipv4_address": "10.1.2.3"}}

    assert document(an_instance(fields={"networks": joined})).document == document(an_instance()).document
