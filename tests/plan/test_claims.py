"""What exists once per engine is claimed by one environment; two that claim it are told before anything is written."""

from gitopsd.plan import claims, disputes
from gitopsd.plan.claims import Claim, duplicate_claims
from tests.builders import a_service, a_state


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


def test_two_services_of_one_environment_cannot_share_a_port() -> None:
    state = a_state(a_service("api", ports=[80]), a_service("web", ports=[80]))
    assert [problem.message for problem in duplicate_claims(state.desired)] == [
        "host port 80/tcp is claimed by service api too; change it in one of the two"
    ]
