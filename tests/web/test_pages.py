"""What people see: every page of an environment that is well, and of one that is not."""

from dataclasses import replace

import pytest

from tests.controller.house import SETTINGS, compose
from tests.web.conftest import BROWSER, Front

APPROVAL = "x-gitopsd: {approval: {timeout: 1h}}\n"
PAGES = (
    "/",
    "/environments/shop",
    "/environments/shop/plan",
    "/environments/shop/drift",
    "/environments/shop/timeline",
)


@pytest.mark.parametrize("page", [*PAGES, "/releases/1", "/releases/1/changes", "/login"])
def test_every_page_is_there_and_names_its_environment(front: Front, page: str) -> None:
    answer = front.here.get(page, headers=BROWSER)
    assert answer.status_code == 200
    assert "shop" in answer.text or page == "/login"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_twin_in_json(front: Front, page: str) -> None:
    text = front.here.get(page, headers=BROWSER).text
    link = text.split('rel="alternate" type="application/json" href="')[1].split('"')[0]
    assert front.here.get(link).json()


def test_the_overview_says_what_runs_whether_it_is_broken_and_since_when(front: Front) -> None:
    text = front.here.get("/", headers=BROWSER).text
    for word in (front.commit[:8], "Synced", "Healthy", "release 1", "1/1", "<time datetime="):
        assert word in text


def test_what_holds_an_environment_is_told_with_the_command_that_settles_it(own: Front) -> None:
    browser, csrf = own.logged_in("operate")
    form = {"verb": "suspend", "csrf": csrf, "reason": "the sale"}
    browser.post("/environments/shop/operations", data=form)
    own.house.eventually(lambda: "suspended" in own.house.guards("shop"))

    text = own.here.get("/", headers=BROWSER).text

    assert "the sale" in text
    assert "gitopsd resume shop" in text


def test_a_drift_is_shown_field_by_field_with_what_to_do(own: Front) -> None:
    own.house.edit(replace(SETTINGS, mode="manual"))
    own.house.engine().update_by_hand("shop-web-1", Memory=64 << 20)
    own.house.eventually(lambda: own.house.store.drift("shop").items)

    text = own.here.get("/environments/shop/drift", headers=BROWSER).text

    for word in ("resources.memory", "67108864", "ignore_drift: [resources.memory]", "first seen"):
        assert word in text


def test_a_release_prepares_its_own_revert(own: Front) -> None:
    second = own.house.push({"shop/compose.yaml": compose("web:2")})
    own.house.synced(second, "shop")

    text = own.here.get("/releases/2", headers=BROWSER).text

    assert f"git revert --no-edit {second[:8]}" in text
    assert "web:1" in text
    assert "web:2" in text
    assert "web:2" in own.here.get("/releases/2/changes", headers=BROWSER).text


def test_what_somebody_wrote_is_never_markup(front: Front) -> None:
    name = "<script>alert(1)</script>"
    text = front.here.get(f"/environments/{name}", headers=BROWSER).text
    assert "<script>alert" not in text


def test_no_environment_is_an_empty_state_that_says_what_to_do(front: Front) -> None:
    text = front.here.get("/environments/none", headers=BROWSER)
    assert text.status_code == 404
    assert "there are shop" in text.text


def test_a_release_that_goes_by_no_steps_is_told_by_its_phase_and_cause(own: Front) -> None:
    own.house.push({"shop/compose.yaml": compose("web:2").replace("min_ready: 0s", "min_ready: 90s")})
    own.house.eventually(lambda: (found := own.house.status("shop")) and found.health == "Progressing")

    assert "web: Progressing, image web:1 -&gt; web:2" in own.here.get("/", headers=BROWSER).text
    assert "of 1 serve the new version" in own.here.get("/environments/shop", headers=BROWSER).text


def test_what_is_not_known_is_not_told_as_nothing(own: Front) -> None:
    own.house.engine().away = True
    own.house.timer.tick(60)
    own.house.eventually(lambda: (found := own.house.status("shop")) and found.health == "Unknown")

    for page in ("/environments/shop", "/environments/shop/drift"):
        assert "not known: no look could be had at the engine" in own.here.get(page, headers=BROWSER).text


def test_what_waits_for_a_yes_is_given_it_on_the_page(own: Front) -> None:
    own.house.synced(own.house.push({"shop/compose.yaml": compose(more=APPROVAL)}), "shop")
    commit = own.house.push({"shop/compose.yaml": compose("web:2", APPROVAL)})
    own.house.eventually(lambda: "approval" in own.house.guards("shop"))
    browser, csrf = own.logged_in("operate")
    assert "gitopsd approve shop" in browser.get("/").text

    browser.post("/environments/shop/operations", data={"verb": "approve", "csrf": csrf})

    own.house.synced(commit, "shop")
