"""Tells the outside of transitions: looks at the ledger and the statuses, and sends what is news, beside the loop.

What is told and what waits to be sent is in the store before anything is sent, so a restart tells nothing twice, but
for the one message whose answer it cut off. Receivers do not know of each other: one that hangs delays no other.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

from gitopsd.controller.notify_port import Notifier
from gitopsd.controller.ports import Clock, Store, Timer
from gitopsd.model.errors import GitopsdError, NotTaken, Refused
from gitopsd.model.event import Event
from gitopsd.model.notice import CommitStatus, Delivery, Message, Standing, Told
from gitopsd.release.commit_status import reported
from gitopsd.release.notices import Seen, noticed
from gitopsd.release.waiting import waits_for_word

LOOK = timedelta(seconds=1)
STATUSES_EVERY = 5  # looks
MOST_EVENTS = 500
MOST_WAITING = 200  # for one receiver
BACK_OFF = (timedelta(seconds=5), timedelta(minutes=10))  # first and longest
TRIED_FOR = timedelta(hours=24)


class Notifying:
    """Tells whomever it is to use. `repository_of` says whose each environment is by now."""

    def __init__(
        self, store: Store, clock: Clock, timer: Timer, repository_of: Callable[[], Mapping[str, str]]
    ) -> None:
        self._store, self._clock, self._timer, self._repository_of = store, clock, timer, repository_of
        self._notifiers: Mapping[str, Notifier] = {}
        self._looking = threading.Lock()
        self._sending: dict[str, threading.Lock] = {}  # kept for good: a message is under way to one place once
        self._told: Told | None = None
        self._looks = 0
        self._failing: set[str] = set()

    def use(self, notifiers: Mapping[str, Notifier]) -> None:
        """Tell these, and no others, from now on. Where nobody is told, nothing is remembered either."""
        for name in ("look for news", *(f"tell {name}" for name in self._notifiers)):
            self._timer.cancel(name)
        with self._looking:
            self._notifiers = notifiers
            self._sending |= {name: threading.Lock() for name in notifiers.keys() - self._sending.keys()}
            if not notifiers:
                self._told = None
                if self._store.told() is not None:
                    self._store.save_told(None, (), MOST_WAITING)
                return
            self._forget_others()
        self._timer.every("look for news", LOOK, self.look)
        for name in notifiers:
            self._timer.every(f"tell {name}", LOOK, partial(self.send, name))

    def finish(self) -> None:
        """One more look, and one attempt of all that waits: the process ends."""
        self._looks = 0
        self.look()
        for name in self._notifiers:
            self.send(name)

    def look(self) -> None:
        """Find what is to be told since the last look, and put it into the outbox."""
        with self._looking, suppress(GitopsdError):
            if not self._notifiers:
                return
            if self._told is None:
                self._told = self._store.told() or self._begin()
            before, now = self._told, self._clock.now()
            events = self._store.events(before.after, limit=MOST_EVENTS)
            self._looks += 1
            if not events and self._looks % STATUSES_EVERY != 1:
                return
            self._looks = 0 if events else self._looks  # what they lead to is seen at the next look
            seen = self._seen(before, events)
            after, notices = noticed(before, seen, now)
            after, statuses = self._statuses(after, seen)
            messages: tuple[Message, ...] = (*notices, *statuses)
            deliveries = [
                Delivery(name, message, now, now)
                for message in messages
                for name, notifier in self._notifiers.items()
                if notifier.wants(message)
            ]
            self._keep(before, after, deliveries)

    def send(self, receiver: str) -> None:
        """Deliver what is due, in its order; what is not taken keeps the rest waiting, and comes again later."""
        with self._sending[receiver], suppress(GitopsdError):
            while receiver in self._notifiers and (waiting := self._store.deliveries(receiver, 1)):
                if waiting[0].due > self._clock.now() or not self._delivered(waiting[0]):
                    return

    def _begin(self) -> Told:
        """What happened before anybody was to be told is no news."""
        last = self._store.events(limit=1, newest=True)
        begun = Told(last[0].number if last else 0)
        self._store.save_told(begun, (), MOST_WAITING)
        return begun

    def _seen(self, told: Told, events: tuple[Event, ...]) -> Seen:
        store, statuses = self._store, self._store.statuses()
        numbers = {event.release for event in events if event.release is not None}
        found = ((number, store.release(number)) for number in numbers)
        journals = {
            each.name: store.journal(each.name)
            for each in statuses
            if each.holds or told.environments.get(each.name, Standing()).release is not None
        }
        return Seen(
            events,
            {number: release for number, release in found if release is not None},
            statuses,
            store.repositories(),
            {each.name: store.drift(each.name).items for each in statuses},
            {name: waits_for_word(journal) for name, journal in journals.items()},
            self._repository_of(),
        )

    def _statuses(self, told: Told, seen: Seen) -> tuple[Told, list[CommitStatus]]:
        environments, found = dict(told.environments), list[CommitStatus]()
        for status in seen.statuses:
            if repository := seen.repository_of.get(status.name):
                standing, news = reported(environments[status.name], status, repository)
                environments[status.name] = standing
                found += news
        return replace(told, environments=environments), found

    def _keep(self, before: Told, after: Told, deliveries: list[Delivery]) -> None:
        """A move past events of other things alone is not worth a write; they are looked at again after a restart."""
        same = (after.environments, after.repositories) == (before.environments, before.repositories)
        gone = self._store.save_told(after, deliveries, MOST_WAITING) if deliveries or not same else 0
        if gone:
            message = f"{gone} messages were given up: more than {MOST_WAITING} waited for a receiver"
            self._tell("NotificationsDropped", message, given_up=gone)
        self._told = after

    def _delivered(self, delivery: Delivery) -> bool:
        """Whether it is off the queue, and the next one may go."""
        name, now = delivery.receiver, self._clock.now()
        try:
            self._notifiers[name].send(delivery.message, self._id(delivery))
        except NotTaken as error:
            wait = max(error.after or timedelta(0), back_off(delivery.tries))
            if now + wait - delivery.made > TRIED_FOR:
                self._give_up(delivery, f"{error}; it was tried for {TRIED_FOR.total_seconds() / 3600:.0f} hours")
                return True
            self._store.save_delivery(replace(delivery, due=now + wait, tries=delivery.tries + 1))
            if name not in self._failing:
                self._failing.add(name)
                self._tell("NotificationDelayed", f"{name}: {error}; tried again until it is taken")
            return False
        except Refused as error:
            self._give_up(delivery, str(error))
            return True
        self._store.drop_delivery(delivery.number)
        if name in self._failing:
            self._failing.discard(name)
            self._tell("NotificationDelivered", f"{name} takes messages again", worse=False)
        return True

    def _id(self, delivery: Delivery) -> str:
        return f"gitopsd-{self._store.instance_id()[:8]}-{delivery.number}"

    def _give_up(self, delivery: Delivery, why: str) -> None:
        self._store.drop_delivery(delivery.number)
        self._tell("NotificationLost", f"{delivery.receiver}: {title(delivery.message)} is not told: {why}", given_up=1)

    def _forget_others(self) -> None:
        """What waited for a receiver that the settings no longer name."""
        for name in set(self._store.receivers()) - self._notifiers.keys():
            while waiting := self._store.deliveries(name, MOST_WAITING):
                for each in waiting:
                    self._store.drop_delivery(each.number)

    def _tell(self, reason: str, message: str, *, worse: bool = True, given_up: int = 0) -> None:
        data = {"given_up": given_up} if given_up else {}
        self._store.append([Event(self._clock.now(), reason, message, "warning" if worse else "info", data=data)])


def back_off(tries: int) -> timedelta:
    first, longest = BACK_OFF
    return min(first * (1 << min(tries, 20)), longest)


def title(message: Message) -> str:
    if isinstance(message, CommitStatus):
        return f"{message.state} of {message.revision[:12]} in {message.context}"
    return message.title
