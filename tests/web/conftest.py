"""A whole site over a daemon with fakes: real routes, templates and sessions, without a socket."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from gitopsd.controller.page_port import Role
from gitopsd.web.site import site
from tests.controller.house import House, compose
from tests.waiting import meanwhile

BROWSER = {"accept": "text/html"}


@dataclass(frozen=True)
class Front:
    """`here` asks from this machine without a token, `there` from another one."""

    house: House
    here: TestClient
    there: TestClient
    commit: str

    def token(self, role: Role) -> str:
        """The one token of this role."""
        if f"{role}er" not in {each.name for each in self.house.tokens.callers()}:
            self.house.tokens.add(f"{role}er", role, self.house.clock.now())
        return f"token-of-{role}er"

    def bearer(self, role: Role) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(role)}"}

    def logged_in(self, role: Role) -> tuple[TestClient, str]:
        """A browser with a session, and the word that its forms carry."""
        browser = TestClient(self.there.app, base_url="http://127.0.0.1", client=("10.0.0.9", 4711), headers=BROWSER)
        browser.post("/login", data={"token": self.token(role), "to": "/"})
        found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/").text)
        assert found is not None
        return browser, found[1]

    def messages(self) -> list[str]:
        return [event.message for event in self.house.store.events(limit=10_000)]


def passing(house: House) -> AbstractContextManager[None]:
    """Time passes beside the test, as who asks waits for the daemon's answer."""
    return meanwhile(lambda: house.timer.tick(0.1))


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """One site for all tests of a module that leave it as it is."""
    with opened() as made:
        yield made


@pytest.fixture
def own() -> Iterator[Front]:
    """A site of the test's own, which may do to it what it likes."""
    with opened() as made:
        yield made


@contextmanager
def opened() -> Iterator[Front]:
    house = House()
    with ExitStack() as stack:
        stack.callback(house.stop)
        stack.enter_context(house.store.lock())
        house.start()
        stack.enter_context(passing(house))
        commit = house.push({"shop/compose.yaml": compose()})
        house.synced(commit, "shop")
        app = site(house.daemon)
        here = stack.enter_context(TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 4711)))
        there = TestClient(app, base_url="http://127.0.0.1", client=("10.0.0.9", 4711))
        yield Front(house, here, there, commit)
