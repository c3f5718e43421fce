"""Who may look and who may steer: this machine, tokens with roles, sessions; and what strangers' pages cannot do."""

import pytest

from gitopsd.model.settings import HttpSettings
from gitopsd.web.access import MOST_FAILURES, known_host
from tests.web.conftest import BROWSER, Front

SUSPEND = {"verb": "suspend", "environment": "shop", "arguments": {"reason": "the sale"}}
RESUME = {"verb": "resume", "environment": "shop"}
LOOK = "/api/v1/environments"
ASK = "/api/v1/operations"


def test_without_a_token_this_machine_may_look_and_not_steer(front: Front) -> None:
    assert front.here.get(LOOK).status_code == 200
    refused = front.here.post(ASK, json=SUSPEND)
    assert refused.status_code == 403
    assert "gitopsd token add" in refused.json()["error"]["message"]


def test_without_a_token_another_machine_may_do_nothing(front: Front) -> None:
    assert front.there.get(LOOK).status_code == 401
    assert front.there.get("/live").status_code == 401
    assert front.there.get("/api/v1/events/stream").status_code == 401


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_a_proxy_on_this_machine_is_not_this_machine(front: Front, header: str) -> None:
    assert front.here.get(LOOK, headers={header: "203.0.113.7"}).status_code == 401


def test_people_without_a_token_are_led_to_the_login_page_and_back(front: Front) -> None:
    answer = front.there.get("/environments/shop", headers=BROWSER, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/environments/shop")


@pytest.mark.parametrize(("role", "asked"), [("read", 403), ("operate", 202), ("admin", 202)])
def test_a_token_may_what_its_role_says(front: Front, role: str, asked: int) -> None:
    headers = front.bearer(role)  # type: ignore[arg-type]
    assert front.there.get(LOOK, headers=headers).status_code == 200
    assert front.there.post(ASK, json=RESUME, headers=headers).status_code == asked


def test_only_an_admin_takes_an_environment_down(front: Front) -> None:
    remove = {"verb": "remove", "environment": "shop"}
    assert front.there.post(ASK, json=remove, headers=front.bearer("operate")).status_code == 403


def test_what_was_asked_is_in_the_ledger_with_who_from_where_and_what_was_before_and_after(own: Front) -> None:
    answer = own.there.post(ASK, json=SUSPEND, headers=own.bearer("operate"))
    number = answer.json()["operation"]
    own.house.eventually(lambda: own.here.get(f"{ASK}/{number}").json()["result"] == "suspended")
    assert "operateer from 10.0.0.9 asked to suspend (the sale): suspended" in own.messages()
    (told,) = [each for each in own.house.store.events(limit=1000) if each.reason == "OperationSuspend"]
    assert (told.data["before"], told.data["after"]) == ({"suspended": None}, {"suspended": "the sale"})


def test_a_revoked_token_ends_at_once_also_for_who_is_logged_in(own: Front) -> None:
    browser, csrf = own.logged_in("operate")
    own.house.tokens.revoke("operateer")
    assert browser.get(LOOK).status_code == 401
    answer = browser.post("/environments/shop/operations", data={"verb": "sync", "csrf": csrf}, follow_redirects=False)
    assert answer.headers["location"].startswith("/login")


def test_a_session_is_for_scripts_and_strangers_pages_out_of_reach(front: Front) -> None:
    answer = front.there.post("/login", data={"token": front.token("read")}, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=43200" in cookie


def test_a_browser_keeps_what_is_the_same_for_everybody_and_no_page(front: Front) -> None:
    style = front.there.get("/static/gitopsd.css")
    known = front.there.get("/static/gitopsd.css", headers={"if-none-match": style.headers["etag"]})
    assert (style.status_code, style.headers["cache-control"], known.status_code) == (200, "no-cache", 304)
    assert front.here.get(LOOK).headers["cache-control"] == "no-store"
    assert front.here.get("/", headers=BROWSER).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("csrf", ["", "guessed"])
def test_a_form_that_does_not_carry_the_sessions_own_word_is_refused(front: Front, csrf: str) -> None:
    browser, _ = front.logged_in("operate")
    form = {"verb": "suspend", "csrf": csrf}
    assert browser.post("/environments/shop/operations", data=form).status_code == 403
    assert browser.post(ASK, json=SUSPEND, headers={"x-csrf-token": csrf}).status_code == 403
    assert front.house.guards("shop") == set()


def test_after_logging_out_the_session_opens_nothing(front: Front) -> None:
    browser, csrf = front.logged_in("read")
    browser.post("/logout", data={"csrf": csrf})
    assert browser.get(LOOK).status_code == 401


@pytest.mark.parametrize("to", ["//evil.example.com/", "https://evil.example.com/", "/\\evil.example.com"])
def test_the_login_page_leads_nowhere_else(front: Front, to: str) -> None:
    form = {"token": front.token("read"), "to": to}
    answer = front.there.post("/login", data=form, headers=BROWSER, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_who_guesses_is_asked_to_wait_and_a_good_token_of_theirs_too(own: Front) -> None:
    wrong = {"authorization": "Bearer guessed"}
    codes = [own.there.get(LOOK, headers=wrong).status_code for _ in range(MOST_FAILURES + 1)]
    assert codes[:MOST_FAILURES] == [401] * MOST_FAILURES
    assert codes[-1] == 429
    assert own.there.get(LOOK, headers=own.bearer("read")).status_code == 429
    assert own.here.get(LOOK).status_code == 200


@pytest.mark.parametrize(
    ("host", "code"),
    [("127.0.0.1:8080", 200), ("localhost", 200), ("[::1]:8080", 200), ("web1", 200), ("evil.example.com", 421)],
)
def test_a_name_that_is_not_ours_is_not_answered(front: Front, host: str, code: int) -> None:
    assert front.here.get(LOOK, headers={"host": host}).status_code == code


def test_the_public_name_is_one_of_ours() -> None:
    settings = HttpSettings(public_url="https://gitops.example.com/")
    assert known_host("gitops.example.com", settings, "web1")
    assert not known_host("gitops.example.com", HttpSettings(), "web1")


def test_a_body_that_is_too_large_is_not_read(front: Front) -> None:
    assert front.here.post(ASK, content=b"x" * (4 << 20)).status_code == 413
    chunks = (b"x" * (1 << 20) for _ in range(4))
    assert front.here.post(ASK, content=chunks, headers={"content-type": "application/json"}).status_code == 413
