"""Connections to networks that somebody cuts, makes and changes by hand; the project has three of them."""

from typing import Any, Final

from tests.e2e.hand import Case

NETWORKS: Final[dict[str, Any]] = {
    "back": {},
    "front": {},
    "fixed": {"ipam": {"config": [{"subnet": "192.168.251.0/24"}]}},
}
BACK, FRONT = "networks.PROJECT_back", "networks.PROJECT_front"
CASES: dict[str, Case] = {
    "network-left": Case(lambda hand: hand.leave("back"), (BACK,), "in-place", True, {"networks": ["back", "front"]}),
    "only-network-left": Case(lambda hand: hand.leave("back"), (BACK,), "in-place", True, {"networks": ["back"]}),
    "network-joined": Case(lambda hand: hand.join("front"), (FRONT,), "in-place", True, {"networks": ["back"]}),
    "aliases-lost": Case(
        lambda hand: (hand.leave("back"), hand.join("back")),
        (f"{BACK}.aliases",),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "alias-added": Case(
        lambda hand: (hand.leave("back"), hand.join("back", aliases=["aliased-1", "alias-added", "other"])),
        (f"{BACK}.aliases",),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "link-local-added": Case(
        lambda hand: (
            hand.leave("back"),
            hand.join("back", aliases=["link-local-added"], link_local_ips=["169.254.34.68"]),
        ),
        (f"{BACK}.link_local_ips",),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "address-changed": Case(
        lambda hand: (
            hand.leave("fixed"),
            hand.join("fixed", aliases=["address-changed"], ipv4_address="192.168.251.9"),
        ),
        ("networks.PROJECT_fixed.ipv4_address",),
        *("in-place", True),
        {"networks": {"fixed": {"ipv4_address": "192.168.251.8"}}},
    ),
    "address-lost": Case(
        lambda hand: (hand.leave("fixed"), hand.join("fixed", aliases=["address-lost"])),
        ("networks.PROJECT_fixed.ipv4_address",),
        *("in-place", True),
        {"networks": {"fixed": {"ipv4_address": "192.168.251.12"}}},
    ),
    "both-networks-left": Case(
        lambda hand: (hand.leave("back"), hand.leave("front")),
        (BACK, FRONT),
        *("in-place", True),
        {"networks": ["back", "front"]},
    ),
    "moved-to-another-network": Case(
        lambda hand: (hand.leave("back"), hand.join("front")),
        (BACK, FRONT),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "network-left-while-stopped": Case(
        lambda hand: (hand.stop(), hand.leave("back")),
        (BACK,),
        *("in-place", True),
        {"networks": ["back"]},
        also=("stopped",),
    ),
    "network-joined-while-stopped": Case(
        lambda hand: (hand.stop(), hand.join("front")),
        (FRONT,),
        *("in-place", True),
        {"networks": ["back"]},
        also=("stopped",),
    ),
    "aliases-lost-while-stopped": Case(
        lambda hand: (hand.stop(), hand.leave("back"), hand.join("back")),
        (f"{BACK}.aliases",),
        *("in-place", True),
        {"networks": ["back"]},
        also=("stopped",),
    ),
}
