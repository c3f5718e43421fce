"""Somebody at a desk: a browser before the pages of a real daemon, whose shop stands behind a real router."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.apps import free_port
from tests.e2e.app import APP, HAPROXY, routed, street_engine
from tests.e2e.hand import MIB, Hand
from tests.e2e.rig import Rig
from tests.images import ROOT, install
from tests.load import load

PATIENCE_S = 180.0  # many tests and few processors
AXE = ROOT / ".venv" / "axe.min.js"
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-lcd-text")
expect.set_options(timeout=PATIENCE_S * 1000)


@dataclass
class Desk:
    """`shop` is routed and under some load, `stock` has one container that only reports what is done to it."""

    rig: Rig
    browser: Browser
    url: str
    street: int
    token: str

    def serve(self, version: str, *steps: dict[str, Any], **how: Any) -> str:
        """Push a version of the shop that comes by these steps, or all at once; the commit."""
        x = {"strategy": "canary", "steps": list(steps)} if steps else {}
        return self.rig.push(web=routed(version, self.street, x=x, **how))

    def served(self, version: str) -> str:
        commit = self.serve(version)
        self.rig.synced(commit, within=PATIENCE_S)
        return commit

    def drifts(self) -> None:
        """Somebody gives the stock's container another limit of memory."""
        container = self.rig.container(environment="stock")
        Hand(self.rig.api, container["Id"], self.rig.project_of("stock")).update(Memory=96 * MIB, MemorySwap=192 * MIB)

    def memory(self) -> int:
        """The limit of memory that the stock's container has, in bytes."""
        return int(self.rig.container(environment="stock")["HostConfig"]["Memory"])

    @contextmanager
    def page(self, path: str = "/", *, logged_in: bool = True, **how: Any) -> Iterator[Page]:
        """A page of a browser that nobody else uses; `how` is it: width, colours, without scripts."""
        context = self.browser.new_context(base_url=self.url, **how)
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        try:
            if logged_in:
                page.goto(f"/login?to={path}")
                page.get_by_label("Token").fill(self.token)
                page.get_by_role("button", name="Log in").click()
                page.wait_for_url(f"{self.url}{path}")
            else:
                page.goto(path)
            yield page
        finally:
            context.close()


@contextmanager
def desk(directory: Path, project: str = "shop") -> Iterator[Desk]:
    """The engine is the desk's own, so that its project may have a name as people give them."""
    with street_engine() as engine, chromium() as browser:
        settings: dict[str, Any] = {"router": {"image": HAPROXY}}
        rig = Rig(directory / "rig", engine.api(), engine.url, project, settings)
        rig.process.listen = f"127.0.0.1:{free_port()}"
        token = rig.process.command("token", "add", "alice", "--role", "operate").split()[0]
        try:
            made = Desk(rig.start(), browser, f"http://{rig.process.listen}", free_port(), token)
            stock = {"image": APP, "mem_limit": "64m", "x-gitopsd": {"min_ready": "0s"}}
            rig.push_document({"services": {"web": stock}, "x-gitopsd": {"heal": "report"}}, "stock")
            rig.synced(made.served("one"), "stock", PATIENCE_S)
            with load(made.street, "localhost", 1, 0.05):
                yield made
        finally:
            rig.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The distribution's own: it is installed where it is missing, and no other one is brought."""
    if shutil.which("chromium") is None:
        try:
            install("chromium")
        except RuntimeError as refused:
            pytest.skip(f"no Chromium on this machine: {refused}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()
