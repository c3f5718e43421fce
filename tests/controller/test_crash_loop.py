"""A service that serves and restarts again and again: told in ledger and status, with its last words."""

from tests.controller.house import NearHouse, compose
from tests.fakes.engine import exits
from tests.waiting import eventually

LOOPING = """
  looping:
    image: looping:1
    restart: always
    x-gitopsd: {min_ready: 0s, crash_loop: {restarts: 3, within: 1h}}
x-gitopsd: {heal: {crashed: report}}
"""


def test_a_crash_loop_is_told_with_exit_code_and_last_words() -> None:
    house = NearHouse()
    house.engine().add_image("looping:1", exits(6, after=20, log="no database\n"))
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose(more=LOOPING)}), "shop")

    eventually(lambda: _told(house), within=45)

    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "CrashLoop"]
    assert told.message == "looping: shop-looping-1 restarted 3 times within 3600 s, last exit code 6"
    assert (told.data["logs"], told.data["exit_code"]) == ("no database\n", 6)
    status = house.status("shop")
    assert status is not None
    assert (status.health, status.reason) == ("Degraded", told.message.removeprefix("looping: "))
    house.stop()


def _told(house: NearHouse) -> bool:
    house.timer.tick(61)  # what restarts in the fake engine does so when somebody looks
    status = house.status("shop")
    return bool(house.told("CrashLoop")) and status is not None and status.health == "Degraded"
