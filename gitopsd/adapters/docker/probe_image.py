"""The image of probe containers: used as it first was, and pulled where the engine has it not."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from gitopsd.adapters.docker.connection import Connection
from gitopsd.adapters.docker.pulling import image_held, pull
from gitopsd.model.desired import Image
from gitopsd.model.errors import EngineError, ImageUnavailable
from gitopsd.model.settings import Registry

FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 300.0


class ProbeImage:
    """Safe to use from several threads. `name` gives what it is called by now, "" for none.

    What a name stood for first is kept by its digest: where that image has gone, the same one is brought back.
    """

    def __init__(self, connection: Connection, name: Callable[[], str], registries: Mapping[str, Registry]) -> None:
        self._connection, self.name, self._registries = connection, name, registries
        self._found: dict[str, Image] = {}
        self._pulling = threading.Lock()
        self._failures = 0
        self._trouble: tuple[str, float] = ("", 0.0)  # why the last pull failed, and until when none is tried

    def at_hand(self) -> str:
        """The id of the image. ImageUnavailable, ImageMissing: it is not on the engine, and why it did not come."""
        name = self.name()
        known = self._found.get(name)
        held = image_held(self._connection, known.id if known is not None else name)
        if held is None:
            held = self._brought(name if known is None else known.digest or name)
        self._found.setdefault(name, held)
        return held.id

    def _brought(self, reference: str) -> Image:
        """Pulled by the first who needs it; nobody else waits for that, nor asks a registry in vain too often."""
        if not self._pulling.acquire(blocking=False):
            raise ImageUnavailable(f"`probe_image` {reference} is being pulled")
        try:
            reason, until = self._trouble
            if time.monotonic() < until:
                raise ImageUnavailable(reason)
            return self._pulled(reference)
        finally:
            self._pulling.release()

    def _pulled(self, reference: str) -> Image:
        try:
            pull(self._connection, reference, lambda _: None, self._registries)
            found = image_held(self._connection, reference)
            if found is None:
                raise ImageUnavailable(f"pull {reference}: pulled, and gone again before it could be looked at")
        except EngineError as error:
            self._failures += 1
            wait = min(FIRST_WAIT_S * 2 ** min(self._failures - 1, 20), LONGEST_WAIT_S)
            reason = f"`probe_image` is not on the engine: {error}"
            self._trouble = reason, time.monotonic() + wait
            raise ImageUnavailable(reason) from error
        self._failures = 0
        return found
