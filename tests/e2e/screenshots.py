"""`make screenshots`: pictures of the pages of a real daemon, as the README shows them."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Page, expect

from gitopsd.model.trace import Point
from tests.e2e.app import APP, routed
from tests.e2e.desk import PATIENCE_S, Desk, desk
from tests.images import ROOT

IMAGES = ROOT / "docs" / "images"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "has_touch": True}
WAIT: dict[str, Any] = {"pause": {"duration": "20s"}}
CANARY: tuple[dict[str, Any], ...] = (
    {"set_weight": 10},
    WAIT,
    {"set_weight": 25},
    WAIT,
    {"set_weight": 50},
    {"pause": {}},
)
SHELF = ("shop/web:1.4.1", "shop/web:1.4.2", "shop/web:1.5.0", "shop/worker:1.4.1", "shop/cache:7", "wiki/wiki:3.2")
AT_END = 3  # points of a chart that show the last step before its picture is taken


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, desk(Path(directory)) as found:
        stage(found)
        release(found)
        canary(found)
        drift(found)
        overview(found)
    return 0


def stage(found: Desk) -> None:
    """Some environments as people have them: one is well, one rests, one is about to move."""
    for image in SHELF:
        found.rig.api.tag(APP, *image.split(":"))
    worker, wiki = plain("shop/worker:1.4.1", 2), plain("wiki/wiki:3.2", 1)
    found.rig.synced(push(found, "shop", "Bring up the shop", **shop(found, "1.4.1")), within=PATIENCE_S)
    staging = push(found, "staging", "Staging follows the shop", web=plain("shop/web:1.5.0", 1), worker=worker)
    found.rig.synced(staging, "staging", PATIENCE_S)
    found.rig.synced(push(found, "wiki", "A wiki for everybody", wiki=wiki), "wiki", PATIENCE_S)
    found.rig.ask("suspend", "wiki", reason="the disks are being moved")


def release(found: Desk) -> None:
    """One that failed, with its evidence and the way back."""
    steps = ({"set_weight": 50}, {"pause": {}})
    commit = push(found, "shop", "Baskets: one query less", **shop(found, "1.4.2", *steps, errors=400, latency_ms=40))
    found.rig.rejected(commit, within=PATIENCE_S)
    with taken(found, f"/releases/{found.rig.release().number}", "release", **screen(900)) as page:
        expect(page.locator(".banner.bad")).to_be_visible()


def canary(found: Desk) -> None:
    push(found, "shop", "Pay by bank transfer", **shop(found, "1.5.0", *CANARY))
    with taken(found, "/environments/shop", "canary", **screen(1080)) as page:
        expect(page.get_by_text("50 % of the traffic goes to the new version")).to_be_visible()
        found.rig.eventually(lambda: [each.share for each in points(found)].count(5000) >= AT_END, PATIENCE_S)
        page.reload()


def points(found: Desk) -> tuple[Point, ...]:
    return found.rig.store.journal("shop").rollouts["web"].trace.points


def drift(found: Desk) -> None:
    found.drifts()
    with taken(found, "/environments/stock/drift", "drift", **screen(440)) as page:
        expect(page.get_by_text("resources.memory").first).to_be_visible()


def overview(found: Desk) -> None:
    """While one environment moves and another one drifts, for bright and for dark rooms, and in a hand."""
    for name, how in (
        ("overview-light", screen(740)),
        ("overview-dark", {**screen(740), "color_scheme": "dark"}),
        ("overview-phone", PHONE),
    ):
        with taken(found, "/", name, **how) as page:
            expect(page.get_by_role("link", name="1 drifted")).to_be_visible()


def shop(found: Desk, version: str, *steps: dict[str, Any], **how: int) -> dict[str, Any]:
    """The services of the shop, whose web comes by these steps."""
    x = {"strategy": "canary", "steps": list(steps)} if steps else {}
    web = routed(version, found.street, x=x, image=f"shop/web:{version}", replicas=3, **how)
    return {"web": web, "worker": plain("shop/worker:1.4.1", 2), "cache": plain("shop/cache:7", 1)}


def plain(image: str, replicas: int) -> dict[str, Any]:
    return {"image": image, "deploy": {"replicas": replicas}, "x-gitopsd": {"min_ready": "0s"}}


def push(found: Desk, environment: str, subject: str, /, **services: dict[str, Any]) -> str:
    """A commit that says what it is for; its id."""
    project = found.rig.project_of(environment)
    found.rig.projects.add(project)
    text = yaml.safe_dump({"name": project, "services": services}, sort_keys=False)
    return found.rig.repository.push({f"environments/{environment}/compose.yaml": text}, subject)


def screen(height: int) -> dict[str, Any]:
    return {"viewport": {"width": 1100, "height": height}}


@contextmanager
def taken(found: Desk, path: str, name: str, **how: Any) -> Iterator[Page]:
    """The page, of which a picture is taken in the end, as far as a screen shows it."""
    with found.page(path, **how) as page:
        yield page
        page.evaluate("document.fonts.ready")
        page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    sys.exit(main())
