"""The configuration of HAProxy, word for word, and what it has no words for."""

import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.haproxy.config import CONFIGURATION, SHARES, Tuning, rendered
from gitopsd.adapters.haproxy.entrances import places, port_inside
from gitopsd.adapters.haproxy.names import backend, slot_of
from gitopsd.model.errors import RouterError
from gitopsd.model.health import Checks, HttpCheck, TcpCheck
from gitopsd.model.route import OnPurpose, Route, RouteName, RoutingTable, Slot, Target
from tests.haproxy import program

GOLDEN = Path(__file__).with_name("golden")
ROOT, SALT = "/gitopsd", bytes(32)
OLD, NEW = Target("01d", "172.18.0.2", 8080), Target("4e4", "172.18.0.3", 8080, weight=64)
WEB = Route(
    "shop",
    "web",
    80,
    hosts=("shop.example.com", "*.shop.example.com"),
    health=Checks(
        HttpCheck(8081, "/healthz?full=it's", status=((200, 299), (404, 404))), interval=timedelta(seconds=2)
    ),
    sticky="shop",
    on_purpose=(
        OnPurpose("header", "x-canary", "it's me", "b"),
        OnPurpose("cookie", "tester", "", "b"),
        OnPurpose("host", "", "next.example.com", "b"),
    ),
    a=Slot((OLD, replace(OLD, id="901", state="draining"))),
    b=Slot((NEW,)),
    share=500,
)
API = Route("shop", "api_v2", 80, path="/api", proxy_protocol=True, a=Slot((Target("ab1", "172.18.0.4", 9000),)))
MAIL = Route("mail", "smtp", 25, "10.0.0.1", "tcp", health=Checks(tcp=TcpCheck(26)), a=Slot((OLD,)), b=Slot((NEW,)))
TABLE = RoutingTable((WEB, API, MAIL))


@pytest.mark.parametrize("name", [CONFIGURATION, SHARES, "listen-80.map"])
def test_a_table_has_one_form(name: str) -> None:
    files = rendered(TABLE, ROOT, SALT).files

    assert files.keys() == {CONFIGURATION, SHARES, "listen-80.map"}
    assert files[name] == (GOLDEN / name).read_text()
    assert rendered(RoutingTable((MAIL, API, WEB)), ROOT, SALT).files == files


def test_every_address_of_a_host_includes_those_of_ipv6_where_it_has_them() -> None:
    text = rendered(TABLE, ROOT, SALT, Tuning(ipv6=True)).files[CONFIGURATION]

    binds = [line.split()[1:] for line in text.splitlines() if line.startswith("    bind") and "unix@" not in line]
    assert binds == [[":80"], [":::80", "v6only"], ["10.0.0.1:25"]]


def test_on_a_bridge_each_place_of_the_host_has_a_port_inside_for_good() -> None:
    tuning = Tuning(ipv6=True, bridged=True)

    binds = [
        line.split()[1]
        for line in rendered(TABLE, ROOT, SALT, tuning).files[CONFIGURATION].splitlines()
        if " bind :" in line
    ]

    assert binds == [":80", f":{port_inside('10.0.0.1', 25)}"]
    assert places(TABLE) == {("", 80), ("10.0.0.1", 25)}
    met = replace(MAIL, service="other", host_address="", listen=port_inside("10.0.0.1", 25))
    with pytest.raises(RouterError, match="meet in the router; take another port for one"):
        rendered(RoutingTable((MAIL, met)), ROOT, SALT, tuning)


def test_haproxy_takes_the_golden_files(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "golden")

    done = subprocess.run(
        [program(), "-c", "-f", tmp_path / "golden" / CONFIGURATION], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "servers.state" not in line and "[NOTICE]" not in line] == []


def test_shares_and_instances_need_no_reload_and_all_else_does() -> None:
    moved = replace(WEB, share=9_000, a=Slot((NEW,)), b=Slot())
    stamp = rendered(TABLE, ROOT, SALT).stamp

    assert rendered(RoutingTable((moved, API, MAIL)), ROOT, SALT).stamp == stamp
    assert rendered(RoutingTable((replace(WEB, sticky=""), API, MAIL)), ROOT, SALT).stamp != stamp
    assert rendered(RoutingTable((WEB, API)), ROOT, SALT).stamp != stamp


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (replace(WEB, hosts=("a b",)), "'a b' cannot be part of a host or a path"),
        (replace(WEB, path="/x\nbackend evil"), r"'/x\\nbackend evil' cannot be part of a host or a path"),
        (replace(WEB, sticky="a(b"), r"'a\(b' cannot be the name of a header or cookie"),
        (replace(WEB, host_address="all"), "'all' is no address"),
        (replace(WEB, b=Slot((replace(NEW, address="web"),))), "'4e4' at 'web' cannot be an instance"),
        (replace(WEB, b=Slot((replace(NEW, id="x; y"),))), "'x; y' at '172.18.0.3' cannot be an instance"),
    ],
)
def test_what_could_be_another_word_than_it_seems_is_refused(route: Route, said: str) -> None:
    with pytest.raises(RouterError, match=said):
        rendered(RoutingTable((route,)), ROOT, SALT)


@pytest.mark.parametrize("name", ["web", "web_a", "web.a", "web:a", "wéb", "web 1", "_77eb", "w_eb"])
def test_names_come_back_from_backends_as_they_were(name: str) -> None:
    assert slot_of(backend(RouteName(name, "a:b"), "b")) == (RouteName(name, "a:b"), "b")
    assert slot_of(backend(RouteName("a:b", name), "a")) == (RouteName("a:b", name), "a")


def test_what_is_no_slot_has_no_name() -> None:
    assert [slot_of(each) for each in ("latency", "next:80", "listen:80", "a:b:c")] == [None] * 4
