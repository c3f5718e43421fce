"""A service that serves and restarts again and again: told in ledger and status, with its last words."""

from tests.controller.house import NearHouse, compose
from tests.fakes.engine import exits

LOOPING = """
  looping:
    image: looping:1
    restart: always
    x-gitopsd: {min_ready: 0s}
x-gitopsd: {heal: {crashed: report}}
"""


def test_a_crash_loop_is_told_with_exit_code_and_last_words() -> None:
    house = NearHouse()
    house.engine().add_image("looping:1", exits(6, after=20, log="no database\n"))
    house.start()
    house.push({"shop/compose.yaml": compose(more=LOOPING)})

    house.eventually(lambda: house.told("CrashLoop"))

    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "CrashLoop"]
    assert told.message == "looping: shop-looping-1 restarted 3 times within 120 s, last exit code 6"
    assert (told.data["logs"], told.data["exit_code"]) == ("no database\n", 6)
    status = house.status("shop")
    assert status is not None
    assert (status.health, status.reason) == ("Degraded", told.message.removeprefix("looping: "))
    house.stop()
