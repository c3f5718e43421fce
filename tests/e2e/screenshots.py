"""`make screenshots`: pictures of the pages of a real daemon, as the README shows them."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.desk import Desk, desk
from tests.images import ROOT

IMAGES = ROOT / "docs" / "images"
SIZE: dict[str, Any] = {"viewport": {"width": 1200, "height": 800}}
CANARY: tuple[dict[str, Any], ...] = ({"set_weight": 20}, {"pause": {}})


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, desk(Path(directory)) as found:
        release(found)
        canary(found)
        drift(found)
        overview(found)
    return 0


def release(found: Desk) -> None:
    """One that failed, with its evidence and the way back."""
    commit = found.serve("two", {"set_weight": 50}, {"pause": {}}, errors=400)
    found.rig.rejected(commit, within=180)
    with taken(found, f"/releases/{found.rig.release().number}", "release") as page:
        expect(page.locator(".banner.bad")).to_be_visible()


def canary(found: Desk) -> None:
    found.serve("three", *CANARY)
    with taken(found, "/environments/shop", "canary") as page:
        expect(page.get_by_text("20 % of the traffic goes to the new version")).to_be_visible()
        found.rig.eventually(lambda: len(found.rig.store.journal("shop").rollouts["web"].trace.points) > 15, 180)
        page.reload()


def drift(found: Desk) -> None:
    found.drifts()
    with taken(found, "/environments/stock/drift", "drift") as page:
        expect(page.get_by_text("resources.memory").first).to_be_visible()


def overview(found: Desk) -> None:
    """While one environment moves and another one drifts, for bright and for dark rooms."""
    for colours in ("light", "dark"):
        with taken(found, "/", f"overview-{colours}", color_scheme=colours) as page:
            expect(page.get_by_role("link", name="1 drifted")).to_be_visible()


@contextmanager
def taken(found: Desk, path: str, name: str, **how: Any) -> Iterator[Page]:
    """The page, of which a picture is taken in the end."""
    with found.page(path, **SIZE, **how) as page:
        yield page
        page.evaluate("document.fonts.ready")
        page.screenshot(path=IMAGES / f"{name}.png", full_page=True, animations="disabled")


if __name__ == "__main__":
    sys.exit(main())
