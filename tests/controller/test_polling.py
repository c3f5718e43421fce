"""When repositories are asked: spread, backed off from trouble, and at once for who asks, however many those are."""

import threading
from collections.abc import Callable
from random import Random

from gitopsd.controller.polling import Polling
from gitopsd.controller.repositories import Head, Known
from gitopsd.model.files import Files
from gitopsd.model.settings import Repository
from tests.fakes.clock import FakeClock
from tests.fakes.timer import FakeTimer
from tests.waiting import eventually

REPOSITORY = Repository("shop", "https://git.example.com/shop.git")  # every 30 s
SEEN = Known(Head("c1", Files("c1", {}, lambda blob: b"")))


class Host:
    """One daemon's polls of one repository. `asked` are the seconds at which it asked."""

    def __init__(self, chance: Callable[[], float], known: Known = SEEN) -> None:
        self.clock = FakeClock()
        self.timer = FakeTimer(self.clock)
        self.timer.start()
        self.known, self.asked = known, list[float]()
        self._begun = self.clock.monotonic()
        self.polling = Polling(self.clock, self.timer, chance, lambda _: self.known, self.poll)

    def poll(self, name: str) -> None:
        self.asked.append(self.clock.monotonic() - self._begun)

    def start(self) -> "Host":
        self.polling.keep([REPOSITORY], ())
        return self

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self.timer.tick(1)


def fleet(known: Known, size: int = 300) -> list[Host]:
    random = Random(7)
    return [Host(random.random, known).start() for _ in range(size)]


def most_at_once(hosts: list[Host]) -> int:
    """The most hosts that asked within one second."""
    asked = [int(second) for host in hosts for second in host.asked]
    return max(asked.count(second) for second in set(asked))


def test_a_fleet_that_comes_up_together_does_not_ask_together() -> None:
    hosts = fleet(SEEN)
    for host in hosts:
        host.live(90)
    assert all(len(host.asked) in (2, 3, 4) for host in hosts)
    assert max(host.asked[0] for host in hosts) <= 30
    assert most_at_once(hosts) < 30  # 10 a second, if they were spread by a ruler


def test_a_host_that_knows_nothing_yet_asks_at_once() -> None:
    host = Host(lambda: 0.9, Known()).start()
    host.timer.tick()
    assert host.asked == [0]


def test_a_fleet_that_was_turned_away_together_does_not_come_back_together() -> None:
    hosts = fleet(Known(SEEN.head, error="away", failures=5, not_before=1000.0 + 60))
    for host in hosts:
        host.timer.tick()
        host.polling.soon("shop")
        host.live(310)
    back = [host.asked[1] for host in hosts]
    assert min(back) >= 60  # for which the server wants to be left alone
    assert max(back) <= 60 + 8 * 30 + 1
    assert sum(second < 90 for second in back) < len(hosts) / 4


def test_a_remote_that_fails_is_asked_less_often_and_never_less_than_eight_times() -> None:
    host = Host(lambda: 0.999).start()
    for failures in range(1, 1001):
        host.known = Known(SEEN.head, error="away", failures=failures)
        before = len(host.asked)
        host.timer.tick(240)
        assert len(host.asked) > before


def test_who_asks_in_the_middle_of_a_back_off_is_answered_now_and_the_next_poll_is_an_interval_later() -> None:
    host = Host(lambda: 0.5, Known(SEEN.head, error="away", failures=20, not_before=1e9)).start()
    host.live(60)
    host.known = SEEN
    host.polling.soon("shop")
    host.polling.soon("shop")
    host.live(31)
    assert [round(second) for second in host.asked] == [61, 91]


def test_all_who_ask_while_a_poll_is_under_way_share_one_more() -> None:
    host = Host(lambda: 0.5).start()
    gate, calls = threading.Event(), list[str]()

    def hanging(name: str) -> None:
        calls.append(name)
        gate.wait(45)

    host.polling = Polling(host.clock, host.timer, lambda: 0.5, lambda _: SEEN, hanging)
    host.polling.soon("shop")
    first = threading.Thread(target=host.timer.tick, daemon=True)
    first.start()
    eventually(lambda: calls)
    for _ in range(100):
        host.polling.soon("shop")
    assert len(calls) == 1
    gate.set()
    first.join(45)
    host.timer.tick()
    host.timer.tick()
    assert len(calls) == 2


def test_a_poll_that_goes_wrong_is_not_the_last() -> None:
    host = Host(lambda: 0.5)

    def failing(name: str) -> None:
        host.poll(name)
        raise OSError("the disk is full")

    host.polling = Polling(host.clock, host.timer, lambda: 0.5, lambda _: SEEN, failing)
    host.start().live(100)
    assert len(host.asked) == 3


def test_a_jump_of_the_clock_asks_nobody_who_wants_to_be_left_alone() -> None:
    host = Host(lambda: 0.5, Known(SEEN.head, error="429", failures=1, not_before=1000.0 + 600)).start()
    host.clock.jump(86_400)
    host.live(10)
    assert host.asked == []
