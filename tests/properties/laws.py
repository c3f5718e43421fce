"""What must hold after every action and every pass, whatever happened before: the laws of rollouts, from outside.

They look at the world and at the journal as a person would. An action that was decided before somebody laid hands on
the world (`tainted`) is not held against the daemon where it could not know. `table.py` lists all laws by number.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gitopsd.model.action import Action, Create, Remove, Start, Stop
from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Progressing, RollingBack, Rollout, Target
from gitopsd.release import Signals
from gitopsd.rollout import Fence, fence
from tests.daemon import Daemon
from tests.world import Box

STOP_FIRST = frozenset({"db", "side"})
NARROW = Fence(1, 0)
Key = tuple[str, int, str]


@dataclass
class Laws:
    """Watches one daemon. `peaks`: the most slots that a service may have had since it came to rest.

    `room`: the most that `web` was allowed to surge and to be without since then; `latest`: by the newest commit.
    `ready_since` and `once_ready` are by container, as the daemon could have seen it at its passes; `hurried` are those
    that a person took for good with `promote`.
    """

    peaks: dict[str, int] = field(default_factory=dict)
    room: Fence = NARROW
    latest: Fence = NARROW
    tainted: set[str] = field(default_factory=set)
    ready_since: dict[str, datetime] = field(default_factory=dict)
    once_ready: set[str] = field(default_factory=set)
    hurried: set[str] = field(default_factory=set)
    good_before: Counter[str] = field(default_factory=Counter)
    seeming_before: Counter[str] = field(default_factory=Counter)
    recoverable_before: Counter[str] = field(default_factory=Counter)
    rejected: set[str] = field(default_factory=set)
    forgiven: int = 0  # releases that had ended when a person said that they may be tried again
    closed: set[Key] = field(default_factory=set)
    turned: set[Key] = field(default_factory=set)
    returning: set[int] = field(default_factory=set)

    # Before and after what happens.

    def disturbed(self, daemon: Daemon) -> None:
        """Somebody laid hands on the world, or time did: what is under way was decided without knowing."""
        self.tainted |= set(daemon.pending)

    def forgive(self, daemon: Daemon) -> None:
        """A person said `retry`, or pinned: what failed may be tried again."""
        self.rejected, self.forgiven = set(), len(daemon.ended)

    def hurry(self, daemon: Daemon) -> None:
        """A person said `promote`: what is ready counts as good from now on."""
        self.hurried |= {box.id for box in daemon.world.boxes.values() if seems_good(daemon, box)}

    def asked(self, state: SealedState) -> None:
        """A commit: from now on its room counts too, until `web` has come to rest."""
        service = state.services["web"].service
        mine = fence(service.policy, "start-first", max(1, service.replicas))
        self.latest, self.room = mine, _wider(self.room, mine)

    def before_action(self, daemon: Daemon, action: Action) -> None:
        self.good_before, self.seeming_before = good_slots(daemon), good_slots(daemon, seeming=True)
        self.recoverable_before = self._recoverable(daemon)
        if isinstance(action, Remove) and not self._unknowing(action):
            self.never_removed_while_it_runs(daemon, action)
        if isinstance(action, Stop) and not self._unknowing(action):
            self.never_admitted_early(daemon, action)

    def after_action(self, daemon: Daemon, action: Action) -> None:
        if isinstance(action, Start):
            self.never_more_than_surge(daemon, action.service)
            self.never_two_writers(daemon)
        if isinstance(action, Stop | Remove) and not self._unknowing(action):
            self.never_below_what_was_promised(daemon, action.service)
            self.never_deletes_the_fleet(daemon, action.service)
        if isinstance(action, Create):
            self.never_a_slot_twice(daemon, action)
            self.repairs_bring_back_what_served(daemon, action)

    def _unknowing(self, action: Stop | Remove) -> bool:
        return f"{action.service}/{action.slot}" in self.tainted

    def turn(self, before: Journal, after: Journal, signals: Signals, now: datetime) -> None:
        """One decision of the pure half."""
        self.deadlines_move_with_progress_only(before, after, signals, now)

    def after_pass(self, daemon: Daemon, before: Journal) -> None:
        self.tainted &= set(daemon.pending)
        for name, rollout in daemon.journal.rollouts.items():
            self.peaks[name] = max(self.peaks.get(name, 0), replicas(rollout.target), replicas(rollout.stable))
        self._note_ready(daemon)
        self.ends_once(daemon, before)
        self.stable_was_good(daemon, before)
        self.way_back_exists(daemon)
        self.rejected_stays_rejected(daemon, before)
        self.never_turns_twice(daemon)
        self.something_comes_of_it(daemon)
        self.words_concern_one_release(daemon, before)
        for name in set(self.peaks) - set(daemon.journal.rollouts):
            self.peaks[name] = replicas(daemon.journal.stable.get(name))
        if "web" not in daemon.journal.rollouts:
            self.room = _wider(self.latest, self._of_what_serves(daemon))

    def _of_what_serves(self, daemon: Daemon) -> Fence:
        serving = daemon.journal.serving
        if serving is None or serving.content_digest not in daemon.states:
            return NARROW
        service = daemon.states[serving.content_digest].services["web"].service
        return fence(service.policy, "start-first", max(1, service.replicas))

    def _note_ready(self, daemon: Daemon) -> None:
        """What is ready at this pass, and since when: a restart, or a look at which it was not, begins anew."""
        good = {box.id: box for box in daemon.world.boxes.values() if seems_good(daemon, box)}
        self.ready_since = {
            id: since
            for id, since in self.ready_since.items()
            if id in good and (began := good[id].started_at) is not None and began <= since
        }
        for id in good:
            self.ready_since.setdefault(id, daemon.world.now)
        self.hurried &= set(good)
        self.once_ready |= set(good)

    def _recoverable(self, daemon: Daemon) -> Counter[str]:
        """By service, the slots in which something is that is ready, or was; on the way back, of those of before."""
        boxes = (box for box in daemon.world.boxes.values() if box.id in self.once_ready)
        return Counter(service for service, _ in {_place(box) for box in boxes if not _added(daemon, box)})

    # The laws of one action.

    def never_more_than_surge(self, daemon: Daemon, service: str) -> None:
        """1: running and stopping instances together never exceed replicas + surge; there is none for stop-first.

        What others live in stays until they have moved, and does not count.
        """
        lived_in = {id for box in daemon.world.boxes.values() if box.up for id in box.joined}
        boxes = [box for box in daemon.world.boxes.values() if box.service == service and box.up]
        up = sum(box.id not in lived_in for box in boxes) + any(box.id in lived_in for box in boxes)
        rollout = daemon.journal.rollouts.get(service)
        stable = daemon.journal.stable.get(service)
        targets = (stable, rollout.target, rollout.stable) if rollout is not None else (stable,)
        most = max(self.peaks.get(service, 0), *(replicas(target) for target in targets))
        surge = 0 if service in STOP_FIRST or service == "job" else (self.room.surge if service == "web" else 1)
        assert up <= max(most, 1) + surge, f"{up} instances of {service}, {most} + {surge} allowed"

    def never_two_writers(self, daemon: Daemon) -> None:
        """1: a stop-first service never has two instances of one slot running: they would write to one volume."""
        for service in STOP_FIRST:
            slots = Counter(box.slot for box in daemon.world.boxes.values() if box.service == service and box.up)
            assert all(number == 1 for number in slots.values()), f"two writers in {service}: {slots}"

    def never_below_what_was_promised(self, daemon: Daemon, service: str) -> None:
        """2: no action of ours leaves fewer good slots than there were, beyond what the order takes.

        What is about to fall over looks good to the daemon; it may choose as if that were so.
        """
        if (wanted := _promised(daemon, service)) is None:
            return
        least = wanted - self._unavailable(service)
        lasting, seeming = good_slots(daemon)[service], good_slots(daemon, seeming=True)[service]
        floor = min(self.good_before[service], least)
        kept = seeming >= min(self.seeming_before[service], least)
        assert lasting >= floor or kept, f"{service} has {lasting} good slots, {floor} were promised"

    def never_deletes_the_fleet(self, daemon: Daemon, service: str) -> None:
        """3: old ones that may recover and new ones that are good stay enough, also when all flap at once."""
        if (wanted := _promised(daemon, service)) is None:
            return
        left = self._recoverable(daemon)[service]
        floor = min(self.recoverable_before[service], wanted - self._unavailable(service))
        assert left >= floor, f"{service} has {left} slots left that may recover, {floor} were promised"

    def _unavailable(self, service: str) -> int:
        return 1 if service in STOP_FIRST else (self.room.unavailable if service == "web" else 0)

    def never_admitted_early(self, daemon: Daemon, stop: Stop) -> None:
        """4: what takes the place of another beside it has been ready for `min_ready` without a break."""
        rollout, old = daemon.journal.rollouts.get(stop.service), daemon.world.boxes.get(stop.container)
        if rollout is None or not isinstance(rollout.phase, Progressing) or old is None or not old.up:
            return
        up = [box for box in daemon.world.boxes.values() if _place(box) == _place(old) and box.up and box is not old]
        if len(up) != 1 or up[0].fingerprint != rollout.target.fingerprint or up[0].id in self.hurried:
            return
        since = self.ready_since.get(up[0].id)
        sealed = daemon.world.specification(stop.service, up[0].fingerprint)
        waited = since is not None and daemon.world.now - since >= sealed.service.policy.min_ready
        assert waited, f"{up[0].name} takes the place of {old.name} after being ready since {since}"

    def never_removed_while_it_runs(self, daemon: Daemon, remove: Remove) -> None:
        """6: nothing is removed that was not stopped in its own time before."""
        box = daemon.world.boxes.get(remove.container)
        assert box is None or not box.up, f"{remove.name} is removed while it runs"

    def repairs_bring_back_what_served(self, daemon: Daemon, create: Create) -> None:
        """13: a repair makes what serves, not what Git says."""
        rollout, stable = daemon.journal.rollouts.get(create.service), daemon.journal.stable.get(create.service)
        if rollout is not None and rollout.kind == "repair":
            served = stable.fingerprint if stable is not None else ""
            assert create.fingerprint == served, f"{create} is not what served"

    def never_a_slot_twice(self, daemon: Daemon, create: Create) -> None:
        """16: a crash between intent, action and record never makes a second instance of one release in a slot."""
        same = [
            box.name
            for box in daemon.world.boxes.values()
            if (box.service, box.slot, box.fingerprint, box.release)
            == (create.service, create.slot, create.fingerprint, create.release)
            and box.state == "created"
        ]
        assert len(same) <= 1, f"twice in one slot: {same}"

    # The laws of one pass.

    def ends_once(self, daemon: Daemon, before: Journal) -> None:
        """10, 18: a release ends once, superseded where newer content took over; a rollout that ended stays ended."""
        numbers = [release.number for release in daemon.ended]
        assert len(numbers) == len(set(numbers)), f"ended twice: {numbers}"
        release = daemon.journal.release
        assert release is None or release.number not in numbers
        if before.release is not None and (release is None or release.number != before.release.number):
            ended = next(each for each in daemon.ended if each.number == before.release.number)
            served = ended.outcome == "succeeded" and "while it was watched" in ended.reason
            over = ended.outcome == "superseded" or served
            assert release is None or over, f"{ended.outcome}, but newer content took over"
        now_open = {key_of(each) for each in daemon.journal.rollouts.values() if each.open}
        self.closed |= {key_of(each) for each in before.rollouts.values()} - now_open
        again = {key for key in now_open & self.closed if key[2] != "repair"}
        assert not again, f"opened again after their end: {again}"

    def stable_was_good(self, daemon: Daemon, before: Journal) -> None:
        """11: what becomes stable is good in all its slots at that moment, or was stable before."""
        for name, target in daemon.journal.stable.items():
            known = (before.stable.get(name), before.before.get(name))
            if target in known or name == "job" or not target.replicas:
                continue
            slots = good_by_slot(daemon, seeming=True)
            good = sum(place[0] == name and target.fingerprint in found for place, found in slots.items())
            assert good >= target.replicas, f"{name} {target.fingerprint} was never good: {good}/{target.replicas}"

    def way_back_exists(self, daemon: Daemon) -> None:
        """12: what a rollout may return to can be made again: by a release that is known, or what is about to be."""
        named = (daemon.journal.serving, daemon.journal.release)
        digests = [each.content_digest for each in named if each is not None]
        kept = {(name, sealed.fingerprint) for d in digests for name, sealed in daemon.states[d].services.items()}
        for rollout in daemon.journal.rollouts.values():
            goal = rollout.stable
            turns_back = not isinstance(rollout.phase, Finalising) and not rollout.job and rollout.way_back
            if turns_back and goal is not None and goal.fingerprint and daemon.journal.serving is not None:
                assert (rollout.service, goal.fingerprint) in kept, f"no way back for {rollout.service}"

    def rejected_stays_rejected(self, daemon: Daemon, before: Journal) -> None:
        """13: content that failed here, or was aborted, is not tried again, whatever Git or the engine do."""
        bad = ("rolled-back", "failed", "cancelled")
        self.rejected |= {each.content_digest for each in daemon.ended[self.forgiven :] if each.outcome in bad}
        if (begun := begun_in(daemon, before)) is not None:
            assert begun not in self.rejected, "a release was begun whose content was rejected before"

    def never_turns_twice(self, daemon: Daemon) -> None:
        """14: neither a release nor a rollout on its way back ever turns again."""
        release = daemon.journal.release
        if release is not None and release.phase == "returning":
            self.returning.add(release.number)
        assert release is None or release.phase == "returning" or release.number not in self.returning, "turned back"
        for rollout in daemon.journal.rollouts.values():
            back = isinstance(rollout.phase, RollingBack)
            self.turned |= {key_of(rollout)} if back else set()
            assert back or key_of(rollout) not in self.turned or not rollout.open, f"{rollout.service} turned twice"

    def deadlines_move_with_progress_only(
        self, before: Journal, after: Journal, signals: Signals, now: datetime
    ) -> None:
        """20: a deadline stays where it is, however often a daemon begins anew; what moves it is another slot.

        Waiting for the host, or for a way to ask, is nobody's fault, nor is a deadline that passed while nobody looked.
        Each run of a job has the whole time.
        """
        excused = signals.storm or any(each.trouble for each in after.readiness.values())
        for name, rollout in after.rollouts.items():
            was = before.rollouts.get(name)
            assert rollout.deadline <= now + rollout.policy.progress_deadline or was == rollout or rollout.paused
            same = was is not None and (key_of(was), was.phase, was.started_at) == (
                *(key_of(rollout), rollout.phase, rollout.started_at),
            )
            if was is None or not same or was.deadline == rollout.deadline or excused or signals.of(name).held:
                continue
            missed = signals.returned and now >= was.deadline
            runs = rollout.job and starts(rollout) > starts(was)
            assert rollout.served > was.served or missed or runs, f"the deadline of {name} moved without progress"

    def something_comes_of_it(self, daemon: Daemon) -> None:
        """21: nothing stays open beyond its deadline unless it is paused."""
        busy = {key.rpartition("/")[0] for key in (*daemon.pending, *daemon.waits)}
        for name, rollout in daemon.journal.rollouts.items():
            bound = isinstance(rollout.phase, Progressing | Finalising | RollingBack)
            waits = rollout.paused is not None or (rollout.leaving and isinstance(rollout.phase, Progressing))
            assert not bound or waits or name in busy or daemon.now < rollout.deadline, f"{name} is open for ever"

    def words_concern_one_release(self, daemon: Daemon, before: Journal) -> None:
        """25: a pause, an abort or a pin concerns what it was said to; an ended pin brings nothing back."""
        begun, journal = begun_in(daemon, before), daemon.journal
        if begun is None or journal.release is None:
            return
        assert journal.release.aborted is None, "aborted before it began"
        for name, rollout in journal.rollouts.items():
            was = before.rollouts.get(name)
            inherits = was is not None and was.paused is not None and was.target == rollout.target
            assert rollout.paused is None or inherits, f"{name} is paused, which nobody said"
        if journal.pin is not None:
            assert not journal.pin.ended, "newer content came although a pin keeps it out"
            assert begun == journal.pin.content_digest, "what serves is not what it is pinned to"


def begun_in(daemon: Daemon, before: Journal) -> str | None:
    """The content of the release that began in this pass."""
    release = daemon.journal.release
    new = release is not None and (before.release is None or before.release.number != release.number)
    return release.content_digest if new and release is not None else None


def key_of(rollout: Rollout) -> Key:
    return (rollout.service, rollout.release, rollout.kind)


def replicas(target: Target | None) -> int:
    return target.replicas if target is not None else 0


def _promised(daemon: Daemon, service: str) -> int | None:
    """How many slots are to be good all the time; None where nothing was promised."""
    rollout = daemon.journal.rollouts.get(service)
    if rollout is None:
        return replicas(daemon.journal.stable.get(service))
    forward = isinstance(rollout.phase, Progressing | Finalising)
    if rollout.job or (rollout.stable is None and not forward):
        return None
    wanted = replicas(rollout.target)
    return min(wanted, replicas(rollout.stable)) if rollout.stable is not None else wanted


def _wider(one: Fence, other: Fence) -> Fence:
    return Fence(max(one.surge, other.surge), max(one.unavailable, other.unavailable))


def _added(daemon: Daemon, box: Box) -> bool:
    """It is in a slot that there was not before what is on its way back."""
    rollout = daemon.journal.rollouts.get(box.service)
    return rollout is not None and isinstance(rollout.phase, RollingBack) and box.slot > replicas(rollout.stable)


def _place(box: Box) -> tuple[str, int]:
    return (box.service, box.slot)


def seems_good(daemon: Daemon, box: Box) -> bool:
    """Whether the daemon has to take it for ready: what an engine shows now, and what was answered before."""
    readiness = daemon.journal.readiness.get(box.id)
    seen = box.state == "running" and daemon.world.check(box) in ("none", "healthy")
    return seen and (readiness is None or readiness.state == "ready")


def good_by_slot(daemon: Daemon, *, seeming: bool = False) -> dict[tuple[str, int], set[str]]:
    found: dict[tuple[str, int], set[str]] = {}
    good: Callable[[Box], bool] = daemon.world.good
    for box in daemon.world.boxes.values():
        if seems_good(daemon, box) if seeming else good(box):
            found.setdefault(_place(box), set()).add(box.fingerprint)
    return found


def good_slots(daemon: Daemon, *, seeming: bool = False) -> Counter[str]:
    return Counter(service for service, _ in good_by_slot(daemon, seeming=seeming))


def starts(rollout: Rollout) -> int:
    """How often its instances were seen to start."""
    return sum(sighting.starts for sighting in rollout.seen.values())
