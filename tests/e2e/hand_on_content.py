"""Delivered content that somebody changes in the layer of a container, and in the volumes that others mount as well."""

from typing import Any, Final

from tests.e2e.hand import Case

FILES: Final = {"page": "as in Git\n", "pages/one": "one\n", "more/two": "two\n"}
CONFIGS: Final[dict[str, Any]] = {"page": {"file": "./page"}}
CONFIG: Final = {"configs": [{"source": "page", "target": "/etc/page"}]}
CASES: dict[str, Case] = {
    "file-changed": Case(
        lambda hand: hand.run("echo by hand > /etc/page"), ("content./etc/page",), "in-place", True, CONFIG
    ),
    "file-removed": Case(
        lambda hand: hand.run("rm /etc/page"), ("content./etc/page",), "in-place", True, CONFIG, kind="missing"
    ),
    "file-changed-in-a-volume": Case(
        lambda hand: hand.change_volume("/srv/pages", "echo by hand > /it/one"),
        ("content./srv/pages/one",),
        *("in-place", True),
        {"volumes": ["./pages:/srv/pages"]},
    ),
    "file-removed-from-a-volume": Case(
        lambda hand: hand.change_volume("/srv/pages", "rm /it/two"),
        ("content./srv/pages/two",),
        *("in-place", True),
        {"volumes": ["./more:/srv/pages"]},
        kind="missing",
    ),
    "mounted-file-changed": Case(
        lambda hand: hand.change_volume("/etc/page", "echo by hand > /it/page"),
        ("mounted_content./etc/page",),
        *("recreate", False),
        {**CONFIG, "read_only": True},
    ),
}
