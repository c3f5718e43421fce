"""What makes routing tables equal, useless, and different from what a router shows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.adapters.store.codec import dump, load
from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.route import (
    ObservedRoute,
    ObservedRouting,
    ObservedTarget,
    OnPurpose,
    Route,
    RoutingTable,
    Slot,
    Target,
    differences,
    problems,
)

OLD, NEW = Target("0ld", "172.18.0.2", 8080), Target("4ew", "172.18.0.3", 8080)
WEB = Route("shop", "web", 80, hosts=("shop.example.com",), a=Slot((OLD,)), b=Slot((NEW,)), share=500)
OTHER = replace(WEB, service="x", path="/x")
FULLY = replace(
    WEB,
    health=Checks(HttpCheck(8080, "/healthz", latency=timedelta(seconds=1))),
    sticky="shop",
    on_purpose=(OnPurpose("header", "x-canary", "yes", "b"),),
)


def test_a_table_outlives_the_daemon_in_the_store() -> None:
    table = RoutingTable((FULLY, replace(WEB, service="admin", path="/admin")))

    assert load(RoutingTable, dump(table)) == table


def test_tables_are_equal_whatever_the_order_of_their_routes() -> None:
    admin = replace(WEB, service="admin", path="/admin")

    assert RoutingTable((WEB, admin)).digest == RoutingTable((admin, WEB)).digest


def test_a_share_or_an_instance_makes_another_table_but_no_other_ways() -> None:
    table, moved = RoutingTable((WEB,)), RoutingTable((replace(WEB, share=2_000, b=Slot()),))

    assert table.digest != moved.digest
    assert table.ways == moved.ways
    assert table.ways != RoutingTable((replace(WEB, path="/shop"),)).ways


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (replace(WEB, service="admin"), "shop/admin and shop/web both want shop.example.com/ on port 80"),
        (Route("shop", "mail", 80, mode="tcp"), "shop/mail and shop/web both want port 80"),
        (replace(WEB, path="/two"), "shop/web: it has two routes"),
        (Route("shop", "mail", 25, mode="tcp", path="/x"), "shop/mail: hosts, paths and cookies need mode http"),
        (Route("shop", "mail", 25, mode="tcp", tls=True), "shop/mail: TLS that ends in the router needs mode http"),
        (
            replace(OTHER, tls=True),
            "shop/web and shop/x both want port 80, one with TLS and one without",
        ),
        (
            replace(OTHER, listen=81, redirect_from=80),
            "shop/x: what comes to port 80 can only be sent to another port, with TLS",
        ),
        (
            replace(OTHER, listen=443, tls=True, redirect_from=443),
            "shop/x: what comes to port 443 can only be sent to another port, with TLS",
        ),
        (replace(OTHER, share=10_001), "shop/x: a share of 10001 basis points; it is from 0 to 10000"),
        (replace(OTHER, b=WEB.a), "shop/x: an instance is there twice"),
        (replace(OTHER, b=Slot((replace(NEW, weight=300),))), "shop/x: 4ew: a weight of 300; it is from 0 to 256"),
    ],
)
def test_what_no_router_can_have_is_said_with_the_names_of_the_routes(second: Route, said: str) -> None:
    assert problems(RoutingTable((second, WEB))) == (said,)


@pytest.mark.parametrize(
    "second",
    [
        replace(WEB, service="admin", path="/admin"),
        replace(WEB, service="admin", hosts=()),
        replace(WEB, service="admin", host_address="10.0.0.1"),
        replace(WEB, service="admin", listen=81),
        replace(WEB, service="admin", listen=443, tls=True, redirect_from=80),
    ],
)
def test_services_share_a_port_by_host_path_and_address(second: Route) -> None:
    assert problems(RoutingTable((WEB, second))) == ()


def test_what_a_router_shows_is_told_from_what_it_should() -> None:
    table = RoutingTable((replace(WEB, b=Slot((replace(NEW, state="draining"),))),))
    elsewhere = ObservedTarget("0ld", "172.18.0.9", 8080, 256, ready=True, in_flight=1)
    serving = ObservedTarget("4ew", "172.18.0.3", 8080, 256, ready=False, in_flight=0)
    stranger = ObservedTarget("0dd", "172.18.0.4", 80, 1, ready=True, in_flight=0)
    shown = ObservedRoute("shop", "web", 2_000, a=(elsewhere,), b=(serving, stranger))

    assert differences(table, ObservedRouting("1", table.ways, (shown,))) == (
        "shop/web: the share of slot b is 20 %, should be 5 %",
        "shop/web: slot a: 0ld is at 172.18.0.9:8080 with weight 256, should be at 172.18.0.2:8080 with weight 256",
        "shop/web: slot b: 0dd is at 172.18.0.4:80 with weight 1, should be absent",
        "shop/web: slot b: 4ew is at 172.18.0.3:8080 with weight 256, should be at 172.18.0.3:8080 with weight 0",
    )


def test_a_route_too_many_one_too_few_and_another_way_are_differences() -> None:
    shown = ObservedRoute("shop", "old", 0)

    assert differences(RoutingTable((WEB,)), ObservedRouting("1", "", (shown,))) == (
        "shop/old: it is routed, and should not be",
        "shop/web: it is not routed",
    )
    assert differences(RoutingTable(), ObservedRouting("1", "other")) == ("it routes by another configuration",)
