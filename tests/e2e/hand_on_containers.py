"""What somebody does by hand to containers as a whole."""

from tests.e2e.hand import Case, limits

CASES: dict[str, Case] = {
    "renamed": Case(lambda hand: hand.rename("somebody"), ("name",), "in-place", True),
    "paused": Case(lambda hand: hand.api.pause(hand.container), (), "in-place", True, kind="paused"),
    "stopped": Case(lambda hand: hand.stop(), (), "in-place", True, kind="stopped"),
    "killed": Case(lambda hand: hand.api.kill(hand.container), (), "in-place", True, kind="stopped"),
    "removed": Case(lambda hand: hand.remove(), (), "recreate", False, kind="missing"),
    "renamed-while-stopped": Case(
        lambda hand: (hand.stop(), hand.rename("somebody-who-stopped")),
        ("name",),
        *("in-place", True),
        also=("stopped",),
    ),
    "names-changed": Case(lambda hand: hand.change_names("names-changed-too"), ("name",), "in-place", True),
    "names-changed-too": Case(lambda hand: None, ("name",), "in-place", True),
    "paused-and-limited": Case(
        lambda hand: (hand.api.pause(hand.container), hand.update(PidsLimit=50)),
        ("resources.pids",),
        *("in-place", True),
        limits(pids=100),
        also=("paused",),
    ),
    "stopped-and-limited": Case(
        lambda hand: (hand.stop(), hand.update(PidsLimit=50)),
        ("resources.pids",),
        *("in-place", True),
        limits(pids=100),
        also=("stopped",),
    ),
}
