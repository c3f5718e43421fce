"""What must hold after every action, whatever happened before: the laws of rollouts, checked from outside.

They look at the world and at the journal as a person would. An action that was decided before somebody laid hands on
the world (`tainted`) is not held against the daemon where it could not know.
"""

from collections import Counter
from dataclasses import dataclass, field

from gitopsd.model.action import Action, Create, Remove, Start, Stop
from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Progressing, Target
from gitopsd.rollout import Fence, fence
from tests.daemon import Daemon

STOP_FIRST = frozenset({"db", "side"})
NARROW = Fence(1, 0)


@dataclass
class Laws:
    """Watches one daemon. `peaks`: the most slots that a service may have had since it came to rest.

    `room`: the most that `web` was allowed to surge and to be without since then; `latest`: by the newest commit.
    """

    peaks: dict[str, int] = field(default_factory=dict)
    room: Fence = NARROW
    latest: Fence = NARROW
    once_good: set[tuple[str, str]] = field(default_factory=set)
    tainted: set[str] = field(default_factory=set)
    good_before: Counter[str] = field(default_factory=Counter)
    seeming_before: Counter[str] = field(default_factory=Counter)
    rejected: set[str] = field(default_factory=set)
    forgiven: int = 0  # releases that had ended when a person said `retry`
    ended: set[int] = field(default_factory=set)
    returning: set[int] = field(default_factory=set)

    # Before and after what happens.

    def disturbed(self, daemon: Daemon) -> None:
        """Somebody laid hands on the world, or time did: what is under way was decided without knowing."""
        self.tainted |= set(daemon.pending)

    def forgive(self, daemon: Daemon) -> None:
        """A person said `retry`."""
        self.rejected, self.forgiven = set(), len(daemon.ended)

    def before_action(self, daemon: Daemon) -> None:
        self.good_before, self.seeming_before = good_slots(daemon), good_slots(daemon, seeming=True)

    def after_action(self, daemon: Daemon, action: Action) -> None:
        if isinstance(action, Start):
            self.never_more_than_surge(daemon, action.service)
            self.never_two_writers(daemon)
        if isinstance(action, Stop | Remove) and f"{action.service}/{action.slot}" not in self.tainted:
            self.never_below_what_was_promised(daemon, action.service)
        if isinstance(action, Create):
            self.never_a_slot_twice(daemon, action)

    def after_pass(self, daemon: Daemon, before: Journal) -> None:
        self.tainted &= set(daemon.pending)
        for name, rollout in daemon.journal.rollouts.items():
            self.peaks[name] = max(self.peaks.get(name, 0), replicas(rollout.target), replicas(rollout.stable))
        self._note_good(daemon)
        self.stable_was_good(daemon, before)
        self.rejected_stays_rejected(daemon, before)
        self.ends_once(daemon)
        self.way_back_exists(daemon)
        self.inventory_is_ours(daemon)
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

    def _note_good(self, daemon: Daemon) -> None:
        for (service, _), fingerprints in good_by_slot(daemon).items():
            for fingerprint in fingerprints:
                self.once_good.add((service, fingerprint))

    # The laws, under their numbers in the reference.

    def never_more_than_surge(self, daemon: Daemon, service: str) -> None:
        """1: running and stopping instances together never exceed replicas + parallelism; no surge for stop-first.

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

    def asked(self, state: SealedState) -> None:
        """A commit: from now on its room counts too, until `web` has come to rest."""
        service = state.services["web"].service
        mine = fence(service.policy, "start-first", max(1, service.replicas))
        self.latest, self.room = mine, _wider(self.room, mine)

    def never_two_writers(self, daemon: Daemon) -> None:
        """A stop-first service never has two instances of one slot running: they would write to one volume."""
        for service in STOP_FIRST:
            slots = Counter(box.slot for box in daemon.world.boxes.values() if box.service == service and box.up)
            assert all(number == 1 for number in slots.values()), f"two writers in {service}: {slots}"

    def never_below_what_was_promised(self, daemon: Daemon, service: str) -> None:
        """2, 3: no action of ours leaves fewer good slots than there were, beyond what the order takes.

        What is about to fall over looks good to the daemon; it may choose as if that were so.
        """
        rollout = daemon.journal.rollouts.get(service)
        stable = daemon.journal.stable.get(service)
        wanted = replicas(rollout.target) if rollout is not None else replicas(stable)
        if rollout is not None and rollout.stable is not None:
            wanted = min(wanted, replicas(rollout.stable))
        forward = rollout is not None and isinstance(rollout.phase, Progressing | Finalising)
        if rollout is not None and (rollout.job or (rollout.stable is None and not forward)):
            return
        unavailable = 1 if service in STOP_FIRST else (self.room.unavailable if service == "web" else 0)
        lasting, seeming = good_slots(daemon)[service], good_slots(daemon, seeming=True)[service]
        floor = min(self.good_before[service], wanted - unavailable)
        kept = seeming >= min(self.seeming_before[service], wanted - unavailable)
        assert lasting >= floor or kept, f"{service} has {lasting} good slots, {floor} were promised"

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

    def stable_was_good(self, daemon: Daemon, before: Journal) -> None:
        """11: what becomes stable has been good in all its slots."""
        for name, target in daemon.journal.stable.items():
            if before.stable.get(name) != target and name != "job" and target.replicas:
                assert (name, target.fingerprint) in self.once_good, f"{name} {target.fingerprint} was never good"

    def rejected_stays_rejected(self, daemon: Daemon, before: Journal) -> None:
        """13: content that failed here, or was aborted, is not tried again, whatever Git or the engine do."""
        bad = ("rolled-back", "failed", "cancelled")
        self.rejected |= {each.content_digest for each in daemon.ended[self.forgiven :] if each.outcome in bad}
        release = daemon.journal.release
        if release is not None and (before.release is None or before.release.number != release.number):
            assert release.content_digest not in self.rejected, f"release {release.number} was rejected before"

    def ends_once(self, daemon: Daemon) -> None:
        """10, 14: a release ends once; on its way back it never turns again."""
        numbers = [release.number for release in daemon.ended]
        assert len(numbers) == len(set(numbers)), f"ended twice: {numbers}"
        release = daemon.journal.release
        if release is None:
            return
        assert release.number not in numbers
        if release.phase == "returning":
            self.returning.add(release.number)
        assert release.phase == "returning" or release.number not in self.returning, "turned back from its way back"

    def way_back_exists(self, daemon: Daemon) -> None:
        """12: what a rollout may return to is still known."""
        for rollout in daemon.journal.rollouts.values():
            goal = rollout.stable
            if goal is not None and goal.fingerprint:
                known = {(s, fingerprint) for s, fingerprint, _ in daemon.world.specifications}
                assert (rollout.service, goal.fingerprint) in known

    def inventory_is_ours(self, daemon: Daemon) -> None:
        """The inventory names only what is there or was at the last look."""
        assert all(placed.slot > 0 for placed in daemon.journal.inventory.values())


def _wider(one: Fence, other: Fence) -> Fence:
    return Fence(max(one.surge, other.surge), max(one.unavailable, other.unavailable))


def replicas(target: Target | None) -> int:
    return target.replicas if target is not None else 0


def good_by_slot(daemon: Daemon, *, seeming: bool = False) -> dict[tuple[str, int], set[str]]:
    found: dict[tuple[str, int], set[str]] = {}
    good = daemon.world.seems_good if seeming else daemon.world.good
    for box in daemon.world.boxes.values():
        if good(box):
            found.setdefault((box.service, box.slot), set()).add(box.fingerprint)
    return found


def good_slots(daemon: Daemon, *, seeming: bool = False) -> Counter[str]:
    return Counter(service for service, _ in good_by_slot(daemon, seeming=seeming))
