"""What of Traefik's dynamic configuration the contract does not show: what comes first, and what it cannot have."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitopsd.adapters.traefik.config import Standing, document
from gitopsd.adapters.traefik.counting import counted
from gitopsd.adapters.traefik.entry_points import EntryPoints
from gitopsd.model.errors import RouterError
from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.route import OnPurpose, Route, RouteName, RoutingTable, Slot, Target

HEALTH = Checks(HttpCheck(0, "/healthz"), interval=timedelta(seconds=1))
ROUTE = Route("shop", "web", 80, hosts=("shop.example.com",), health=HEALTH)
POINTS = EntryPoints({"web": ":80", "websecure": ":443", "inside": "127.0.0.1:9000"})
STANDING = Standing(POINTS, "secret")


def routers(*routes: Route, standing: Standing = STANDING) -> dict[str, Any]:
    return document(RoutingTable(routes), standing)["http"]["routers"]


def priority(found: dict[str, Any], name: str) -> int:
    return int(found[f"shop:{name}:way-0"]["priority"])


def test_an_exact_host_comes_before_a_star_and_that_before_all_hosts_whatever_their_paths() -> None:
    exact = replace(ROUTE, service="exact", hosts=("a.io",))
    star = replace(ROUTE, service="star", hosts=("*.a.very.long.domain.example.com",), path="/quite/a/long/path")
    everybody = replace(ROUTE, service="everybody", hosts=(), path="/an/even/longer/path/than/that/of/the/others/is")

    found = routers(exact, star, everybody)

    assert priority(found, "exact") > priority(found, "star") > priority(found, "everybody")


def test_of_one_host_the_longest_path_comes_first_and_a_header_does_not_outdo_it() -> None:
    header = OnPurpose("header", "x-canary-of-the-whole-shop", "yes", "b")
    whole = replace(ROUTE, service="whole", on_purpose=(header,))
    part = replace(ROUTE, service="part", path="/p")

    found = routers(whole, part)

    assert priority(found, "whole") < int(found["shop:whole:way-0-0"]["priority"]) < priority(found, "part")


def test_a_path_covers_whole_parts() -> None:
    rule = routers(replace(ROUTE, path="/api/"))["shop:web:way-0"]["rule"]

    assert rule == "Host(`shop.example.com`) && (Path(`/api`) || PathPrefix(`/api/`))"


def test_clients_without_tls_are_sent_on_but_for_the_question_of_an_authority() -> None:
    found = routers(replace(ROUTE, listen=443, tls=True, redirect_from=80))

    assert found["shop:web:way-0"]["entryPoints"] == ["websecure"]
    assert found["shop:web:way-0"]["tls"] == {}
    assert found["shop:web:plain-0"]["entryPoints"] == ["web"]
    assert "!PathPrefix(`/.well-known/acme-challenge/`)" in found["shop:web:plain-0"]["rule"]


def test_who_has_not_answered_is_in_no_slot() -> None:
    there, new = Target("there", "10.0.0.1", 80), Target("new", "10.0.0.2", 80)
    standing = replace(STANDING, ready={("there", "http://10.0.0.1:80")})

    services = document(RoutingTable((replace(ROUTE, a=Slot((there, new))),)), standing)["http"]["services"]

    servers: Any = services["shop:web:a"]
    assert [each["url"] for each in servers["loadBalancer"]["servers"]] == ["http://10.0.0.1:80"]
    assert services["shop:web:a:new"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"mode": "tcp", "hosts": ()},
            "shop/web: Traefik counts no TCP connections, and has no way to one slot; write",
        ),
        ({"proxy_protocol": True}, "shop/web: Traefik tells HTTP services of clients by X-Forwarded-For; remove"),
        ({"listen": 81}, "none of its entry points listens at port 81 (Traefik has inside (127.0.0.1:9000), web (:80)"),
        ({"listen": 9000}, "none of its entry points listens at port 9000"),
        ({"health": Checks(HttpCheck(0, "/", ((200, 204),)))}, "Traefik checks for one status, or 200-399; write one"),
        ({"hosts": ("a`b",)}, "'a`b' cannot be part of a rule"),
    ],
)
def test_what_traefik_cannot_have_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RouterError) as refused:
        routers(replace(ROUTE, **changes))
    assert said in str(refused.value)


def test_an_entry_point_that_clients_know_by_another_port_is_named() -> None:
    named = replace(STANDING, entry_points=replace(POINTS, named={8080: "web"}))

    assert routers(replace(ROUTE, listen=8080), standing=named)["shop:web:way-0"]["entryPoints"] == ["web"]


def test_what_nobody_could_answer_counts_for_both_slots_and_probes_count_for_none() -> None:
    service = 'traefik_service_requests_total{code="%s",method="GET",protocol="http",service="shop:web:%s@file"} %s'
    router = 'traefik_router_requests_total{code="503",router="shop:web:%s@file",service="shop:web@file"} %s'
    lines = (
        "process_start_time_seconds 1.5e+09",
        service % (200, "a", 30),
        service % (500, "b", 2),
        service % (500, "b:new", 9),
        router % ("way-0", 5),
        router % ("b:new", 9),
    )
    name = RouteName("shop", "web")

    found = counted("\n".join(lines), iter([(name, "a"), (name, "b")])).samples

    assert (found[name, "a"].requests, found[name, "a"].errors) == (33, 3)
    assert (found[name, "b"].requests, found[name, "b"].errors) == (5, 5)
