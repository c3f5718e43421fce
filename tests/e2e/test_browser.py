"""The pages as people use them, in a real browser: live, by keyboard, on a phone, without scripts, and for all eyes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LASTING
from tests.e2e.desk import AXE, PATIENCE_S, Desk, desk
from tests.e2e.hand import MIB
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(600)
STEPS: tuple[dict[str, Any], ...] = ({"set_weight": 20}, {"approval": {}}, {"set_weight": 60}, {"pause": {}})
PAGES = ("/", "/environments/shop", "/environments/shop/plan", "/environments/stock/drift",
         "/environments/shop/timeline", "/releases/1", "/releases/1/changes", "/login")  # fmt: skip
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
GRAVE = ("serious", "critical")
RENEWED = """new Promise(done => {
  document.addEventListener("htmx:after:swap", () => done(), {once: true});
  htmx.trigger("#live", "changed");
})"""


@pytest.fixture(scope="module")
def at_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("desk")) as made:
        LASTING.append(made.rig)
        try:
            yield made
        finally:
            LASTING.remove(made.rig)


def test_a_canary_is_followed_and_given_its_yes_and_is_promoted(at_desk: Desk) -> None:
    with at_desk.page("/environments/shop") as page:
        at_desk.serve("two", *STEPS)
        expect(page.get_by_text("20 % of the traffic goes to the new version")).to_be_visible()
        page.get_by_role("button", name="Approve").first.click()
        expect(page.get_by_text("60 % of the traffic goes to the new version")).to_be_visible()
        page.get_by_role("button", name="Promote").first.click()
        expect(page.get_by_role("row", name=f"{at_desk.rig.release().number} succeeded")).to_be_visible()


def test_a_failure_is_seen_to_return_with_its_evidence(at_desk: Desk) -> None:
    with at_desk.page("/environments/shop") as page:
        page.evaluate("window.never = 'loaded again'")
        at_desk.serve("bad", *STEPS, errors=700)
        failed = page.get_by_role("row", name=re.compile(r"^\d+ rolled-back")).first
        expect(failed).to_be_visible()
        expect(page.locator("main")).to_contain_text("rejected")
        assert page.evaluate("window.never") == "loaded again"

        failed.get_by_role("link").first.click()

        expect(page.locator(".banner.bad")).to_contain_text("requests")
        expect(page.get_by_text("git revert --no-edit")).to_be_visible()


def test_what_was_changed_by_hand_is_seen_and_healed(at_desk: Desk) -> None:
    with at_desk.page("/environments/stock/drift") as page, at_desk.page("/environments/stock") as other:
        expect(page.get_by_text("Nothing drifts")).to_be_visible()
        other.get_by_label("Reason").fill("half a sentence")
        at_desk.drifts()
        expect(page.get_by_role("row", name=re.compile("resources.memory"))).to_be_visible()
        expect(other.get_by_role("link", name="1 drifted")).to_be_visible()
        expect(other.get_by_label("Reason")).to_have_value("half a sentence")
        page.get_by_text("Ignore it").click()
        page.evaluate(RENEWED)
        expect(page.get_by_text("ignore_drift: [resources.memory]")).to_be_visible()

        page.get_by_role("button", name="Heal").click()

        page.wait_for_url("**/environments/stock?said=*")
        page.goto("/environments/stock/drift")
        expect(page.get_by_text("Nothing drifts")).to_be_visible()
        at_desk.rig.eventually(lambda: at_desk.memory() == 64 * MIB, PATIENCE_S)


def test_all_can_be_done_by_keyboard_and_the_focus_is_seen(at_desk: Desk) -> None:
    with at_desk.page("/", logged_in=False) as page:
        page.keyboard.press("Tab")
        assert _focused(page) == "Skip to content"
        _tab_to(page, "Log in")
        page.keyboard.press("Enter")
        page.wait_for_url("**/login**")
        page.get_by_label("Token").focus()
        page.keyboard.type(at_desk.token)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{at_desk.url}/")
        _tab_to(page, "stock")
        page.keyboard.press("Enter")
        page.wait_for_url("**/environments/stock")
        _tab_to(page, "Sync now")
        expect(page.locator(":focus")).to_have_css("outline-style", "solid")
        page.keyboard.press("Enter")
        page.wait_for_url("**/environments/stock?said=*")


def test_every_page_can_be_read_on_a_phone_and_without_scripts(at_desk: Desk) -> None:
    at_desk.serve("plain")  # held, as it has no approval on its way; what is said of it has a tag with a whole commit
    at_desk.rig.eventually(lambda: "approval" in [each.guard for each in at_desk.rig.status("shop").holds], PATIENCE_S)
    with at_desk.page(java_script_enabled=False, **PHONE) as page:
        for path in PAGES:
            page.goto(path)
            expect(page.locator("h1")).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, (path, _too_wide(page))


def test_without_scripts_forms_do_what_buttons_do(at_desk: Desk) -> None:
    with at_desk.page("/environments/stock", java_script_enabled=False) as page:
        page.get_by_label("Reason").fill("the sale")
        page.get_by_role("button", name="Suspend").click()
        page.wait_for_url("**/environments/stock?said=*")
        _reloaded_until(page, "gitopsd resume stock")
        expect(page.locator("main")).to_contain_text("the sale")
        page.get_by_role("button", name="Resume").click()
        at_desk.rig.eventually(lambda: not at_desk.rig.status("stock").holds, PATIENCE_S)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_page_has_what_keeps_people_out(at_desk: Desk, colours: Any) -> None:
    with at_desk.page("/", color_scheme=colours) as page:
        page.route("**/live", lambda route: route.abort())  # a page that is renewed is looked at in the midst of it
        for path in PAGES:
            page.goto(path)
            assert not _grave(page), path


def _reloaded_until(page: Page, words: str) -> None:
    """By hand, as people do whose browser runs no scripts."""

    def there() -> bool:
        page.reload()
        return words in page.locator("main").inner_text()

    eventually(there, within=PATIENCE_S)


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.innerText || document.activeElement.id"))


def _tab_to(page: Page, name: str) -> None:
    """By the Tab key alone, as far as it has to be pressed."""
    for _ in range(60):
        if _focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {name}")


def _too_wide(page: Page) -> str:
    """The first things that stick out to the right."""
    return str(
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
            ".slice(0, 5).map(e => e.outerHTML.slice(0, 120))"
        )
    )


def _grave(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds that is serious or worse, with the first place of each."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], each["nodes"][0]["html"] + " " + each["nodes"][0]["failureSummary"])
        for each in found["violations"]
        if each["impact"] in GRAVE
    ]
