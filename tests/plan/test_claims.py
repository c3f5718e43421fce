"""What exists once per engine is claimed by one environment; two that claim it are told before anything is written."""

from dataclasses import replace

from gitopsd.model.desired import DesiredState, Network
from gitopsd.model.traffic import Traffic
from gitopsd.plan import claims, disputes
from gitopsd.plan.claims import Claim, duplicate_claims
from tests.builders import a_service, a_state
from tests.manifest import compose_builders


def named(*services: object, **how: object) -> frozenset[Claim]:
    return claims(a_state(*services, **how).desired)  # type: ignore[arg-type]


SHOP = named(a_service(ports=[80], volumes=["data:/data"], container_name="Front"))


def test_an_environment_claims_its_project_names_ports_networks_and_volumes() -> None:
    assert {str(claim) for claim in SHOP} == {
        "project shop",
        "container name front",
        "host port 80/tcp",
        "network shop_default",
        "volume shop_data",
    }


def test_each_replica_has_a_name() -> None:
    names = {claim.value for claim in named(a_service(replicas=2)) if claim.kind == "container name"}
    assert names == {"shop-web-1", "shop-web-2"}


def test_names_that_differ_in_case_are_one() -> None:
    other = named(a_service("api", container_name="FRONT"))
    assert "container name front is claimed by environment other too; change it in one of the two" in disputes(
        "mine", other, {}, {"other": SHOP}
    )


def test_who_holds_a_thing_keeps_it() -> None:
    port = frozenset({Claim("host port", "80/tcp")})
    assert disputes("mine", port, {"mine": port}, {"other": port}) == ()
    assert len(disputes("other", port, {"mine": port}, {"mine": port})) == 1


def test_of_two_newcomers_both_wait() -> None:
    port = frozenset({Claim("host port", "80/tcp")})
    assert disputes("a", port, {}, {"b": port})
    assert disputes("b", port, {}, {"a": port})


def test_what_another_still_serves_with_is_not_free_yet() -> None:
    port = frozenset({Claim("host port", "80/tcp")})
    assert disputes("mine", port, {"other": port}, {"other": frozenset()})


def test_a_port_of_one_address_clashes_with_that_port_of_all_addresses() -> None:
    everywhere, local, inner = (
        frozenset({Claim("host port", value)}) for value in ("80/tcp", "127.0.0.1:80/tcp", "10.0.0.1:80/tcp")
    )
    assert disputes("a", everywhere, {}, {"b": local})
    assert disputes("a", local, {}, {"b": everywhere})
    assert disputes("a", local, {}, {"b": inner}) == ()
    assert disputes("a", local, {}, {"b": frozenset({Claim("host port", "80/udp")})}) == ()


def test_replicas_cannot_share_one_host_port() -> None:
    (problem,) = duplicate_claims(a_state(a_service(ports=[80], replicas=2)).desired)
    assert problem.path == "services.web.ports"
    assert "host port 80 cannot serve 2 replicas; publish a range" in problem.message


def test_on_a_swarm_they_can_as_each_node_has_the_port() -> None:
    for port in ("80:80", {"target": 80, "published": 80, "mode": "host"}):
        web = {"image": "nginx", "ports": [port], "deploy": {"replicas": 2}}
        on_swarm = compose_builders.a_state({"name": "shop", "services": {"web": web}}, swarm=True)
        assert duplicate_claims(on_swarm) == ()


def test_two_services_of_one_environment_cannot_share_a_port() -> None:
    state = a_state(a_service("api", ports=[80]), a_service("web", ports=[80]))
    assert [problem.message for problem in duplicate_claims(state.desired)] == [
        "host port 80/tcp is claimed by service api too; change it in one of the two"
    ]


def routes(*traffic: Traffic) -> frozenset[Claim]:
    services = (a_service(f"s{number}") for number in range(len(traffic)))
    state = a_state(*(replace(each, service=replace(each.service, traffic=how))
                      for each, how in zip(services, traffic, strict=True)))  # fmt: skip
    return frozenset(claim for claim in claims(state.desired) if claim.kind in ("host port", "route"))


def test_several_services_share_the_routers_port_by_host_and_path() -> None:
    shop, api = (routes(Traffic(80, 8080, hosts=("shop.example",), path=path)) for path in ("/", "/api"))
    other = routes(Traffic(80, 8080, hosts=("other.example",)))
    assert disputes("a", shop, {}, {"b": other | api}) == ()
    assert disputes("a", shop, {}, {"b": routes(Traffic(80, 1, hosts=("SHOP.example",)))}) == (
        "route 80/tcp shop.example/ is claimed by environment b too; change it in one of the two",
    )


def test_a_route_has_its_port_against_everything_else() -> None:
    http = routes(Traffic(80, 8080, hosts=("shop.example",)))
    for other in (named(a_service(ports=[80])), routes(Traffic(80, 1, mode="tcp"))):
        assert len(disputes("a", http, {}, {"b": other})) == 1
        assert any("port 80/tcp" in each for each in disputes("b", other, {}, {"a": http}))
    assert disputes("a", http, {}, {"b": routes(Traffic(81, 1, mode="tcp"))}) == ()


def test_routes_of_two_addresses_are_apart_and_one_of_all_is_not() -> None:
    local, inner, everywhere = (routes(Traffic(80, 1, address)) for address in ("127.0.0.1", "10.0.0.1", ""))
    assert disputes("a", local, {}, {"b": inner}) == ()
    assert disputes("a", local, {}, {"b": everywhere})


def test_the_routers_port_serves_as_many_replicas_as_there_are() -> None:
    assert duplicate_claims(a_state(a_service(traffic="80:80", ports=[80], replicas=4)).desired) == ()


def on_subnets(driver: str = "bridge", **networks: str) -> DesiredState:
    """A service on networks that have these addresses."""
    desired = a_state(a_service(networks=list(networks))).desired
    made = {
        key: Network(key, f"shop_{key}", options={"driver": driver, "ipam": {"config": [{"subnet": subnet}]}})
        for key, subnet in networks.items()
    }
    return replace(desired, networks=made)


def test_networks_whose_addresses_overlap_are_told_before_one_is_made() -> None:
    (problem,) = duplicate_claims(on_subnets(front="10.1.0.0/16", back="10.1.2.0/24", other="10.2.0.0/16"))

    assert str(problem) == (
        "production: networks.front: subnet 10.1.0.0/16 overlaps subnet 10.1.2.0/24 of network back; "
        "give one of them other addresses"
    )


def test_environments_cannot_share_addresses_either() -> None:
    mine, theirs = claims(on_subnets(front="10.1.0.0/16")), claims(on_subnets(back="10.1.2.0/24"))

    told = disputes("mine", mine - theirs, {}, {"other": theirs - mine})

    assert "subnet 10.1.0.0/16 is claimed by environment other too; change it in one of the two" in told


def test_networks_of_other_drivers_may_lie_in_one_range() -> None:
    assert duplicate_claims(on_subnets("macvlan", front="10.1.0.0/16", back="10.1.2.0/24")) == ()


def test_routes_share_a_port_of_one_router_but_not_that_of_a_swarm_beside_an_engines() -> None:
    def routed(host: str, *, swarm: bool) -> frozenset[Claim]:
        service = replace(a_service().service, traffic=Traffic(80, 8080, hosts=(host,)), deploy={} if swarm else None)
        return claims(DesiredState("e", "p", {"web": service}, {}, {}))

    plain, other = routed("a.example.com", swarm=False), routed("b.example.com", swarm=True)
    told = "route of a swarm 80/tcp b.example.com/ is claimed by environment plain too; change it in one of the two"
    assert told in disputes("other", other, {}, {"plain": plain})
    assert not any("route" in each for each in disputes("third", routed("a.example.com", swarm=True), {}, {"o": other}))
