"""What an instance is expected to show is worked out anew when what it follows from differs, and only then."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gitopsd.controller.execute import Specification
from gitopsd.controller.expecting import Memory, expecting
from gitopsd.model.live import Instance
from gitopsd.model.release import Placed
from tests.builders import a_service, a_state
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
FIELDS = {"name": "shop-web-1", "resources.memory": 512 << 20}
WEB = Instance("c1", "shop-web-1", "web", 1, "running", created_at=NOON, image_id="sha256:1", fields=FIELDS)


def placed(**changed: Any) -> Placed:
    sealed = a_state(a_service()).services["web"]
    return replace(Placed("web", 1, sealed.fingerprint, sealed.in_place, 1, "shop-web-1"), **changed)


@pytest.mark.parametrize(
    ("instance", "slot", "same"),
    [
        (WEB, 1, True),
        (replace(WEB, fields={**FIELDS}, state="paused"), 1, True),
        (replace(WEB, fields={**FIELDS, "resources.memory": 1 << 20}), 1, False),
        (replace(WEB, image_id="sha256:2"), 1, False),
        (WEB, 2, False),
    ],
    ids=["the-same", "inspected-again", "another-field", "another-image", "another-slot"],
)
def test_what_it_follows_from_decides(instance: Instance, slot: int, same: bool) -> None:
    state, memory, engine = a_state(a_service()), Memory(), FakeEngine(FakeClock())
    expect = expecting(
        engine, b"k", lambda service, *_: Specification(state.services[service], state.desired), state, memory
    )

    first = expect(WEB, placed())
    again = expect(instance, placed(slot=slot))

    assert first is not None
    assert (again is first) is same


def test_a_state_that_was_loaded_anew_is_worked_out_anew() -> None:
    memory, engine = Memory(), FakeEngine(FakeClock())
    found = []
    for state in (a_state(a_service()), a_state(a_service(image="web:2"))):
        specify = lambda service, *_, state=state: Specification(state.services[service], state.desired)  # noqa: E731
        found.append(expecting(engine, b"k", specify, state, memory)(WEB, placed()))

    assert found[0] is not None
    assert found[1] is not None
    assert found[0].wanted != found[1].wanted
