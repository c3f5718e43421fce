"""What environments on other machines prove to one that comes after them: asked while it waits, never in a pass.

Who cannot be asked has proven nothing.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from urllib.parse import quote

from gitopsd.controller import proofs
from gitopsd.controller.ports import Clock, Timer
from gitopsd.controller.server_port import Member
from gitopsd.model.errors import GitopsdError, SettingsError
from gitopsd.release.guarding import Proof

EVERY = timedelta(seconds=30)  # the first question comes within it, so that a fleet does not ask together
PART = 0.1  # of the time for which all has to be well, where that is longer
RAREST = 8  # times as long, at most, between two questions with one answer

Groups = Mapping[str, tuple[Member, ...]]
OpenGroups = Callable[[Path], Groups]
"""The groups of machines that a file names. SettingsError: it names them badly."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which environment on which group of machines has to serve which images, and be healthy for how long."""

    group: str
    environment: str
    images: frozenset[str]
    healthy_for: timedelta


@dataclass(frozen=True, slots=True)
class Known:
    """What these machines answered last, and how many answers before it were as good or bad.

    `asking`: the next question has its time.
    """

    wanted: Wanted
    members: tuple[str, ...]
    proof: Proof
    same: int = 0
    asking: bool = False


class Elsewhere:
    """One daemon's questions to others. Nothing of it is kept: a new process asks anew."""

    def __init__(
        self, clock: Clock, timer: Timer, chance: Callable[[], float], open_groups: OpenGroups, host: Callable[[], str]
    ) -> None:
        self._clock, self._timer, self._chance = clock, timer, chance
        self._open_groups, self._host = open_groups, host
        self._known: dict[tuple[str, str], Known] = {}
        self._lock = threading.Lock()

    def proof(self, wanted: Wanted, file: Path, wake: Callable[[], None]) -> Proof:
        """What is known by now. Whoever goes on to want it is woken by every answer."""
        found = members_of(wanted, self._open_groups, file, self._host())
        if isinstance(found, Proof):
            return found
        key, members = (wanted.group, wanted.environment), tuple(each.name for each in found)
        with self._lock:
            known = self._known.get(key)
            if known is None or (known.wanted, known.members) != (wanted, members):
                known = Known(wanted, members, Proof(trouble="its machines have not answered yet"))
            if not known.asking:
                name = f"proof of {wanted.environment} on {wanted.group}"
                when = self._clock.now() + self._wait(known)
                self._timer.at(name, when, partial(self._ask, wanted, found, wake))
            self._known[key] = replace(known, asking=True)
            return known.proof

    def _ask(self, wanted: Wanted, members: tuple[Member, ...], wake: Callable[[], None]) -> None:
        first = int(self._chance() * len(members))  # or all hosts would begin with the same one
        proof = asked(wanted, (*members[first:], *members[:first]), self._clock.now)
        key, names = (wanted.group, wanted.environment), tuple(each.name for each in members)
        with self._lock:
            before = self._known.get(key)
            if before is None or (before.wanted, before.members) != (wanted, names):
                return  # something else is wanted by now, or of others, and asked for
            same = before.same + 1 if _serves(wanted, before.proof) == _serves(wanted, proof) else 0
            self._known[key] = Known(wanted, names, proof, same)
        wake()

    def _wait(self, known: Known) -> timedelta:
        """What will be proven by time alone is asked for then; else any time up to a limit that doubles."""
        proof, now = known.proof, self._clock.now()
        every = max(EVERY, known.wanted.healthy_for * PART)
        if proof.well_since is not None and _serves(known.wanted, proof):
            ripe = proof.well_since + known.wanted.healthy_for
            if proof.at is not None and ripe > proof.at:
                return max(ripe - now, timedelta(0)) + every * self._chance()
        return every * min(1 << min(known.same, RAREST), RAREST) * self._chance()


def members_of(wanted: Wanted, open_groups: OpenGroups, file: Path, host: str) -> tuple[Member, ...] | Proof:
    """The machines that have to be asked, or what is known without asking."""
    try:
        groups = open_groups(file)
    except SettingsError as error:
        return Proof(trouble=str(error))
    if wanted.group not in groups:
        return Proof(trouble=f"it is neither an environment here nor one of the groups in {file}")
    members = groups[wanted.group]
    return Proof(ahead=True) if any(each.name == host for each in members) else members


def asked(wanted: Wanted, members: Iterable[Member], now: Callable[[], datetime]) -> Proof:
    """What the machines of a group prove together: what the last to be well does, or the first that is not."""
    path = f"/environments/{quote(wanted.environment, safe='')}/proof"
    found = []
    for member in members:
        try:
            proof = proofs.read(member.connect().get(path), member.name, now())
        except GitopsdError as error:
            return Proof(trouble=f"{member.name} does not say: {error}", at=now())
        except Exception as error:  # noqa: BLE001  one answer that is no answer may not end the asking
            return Proof(trouble=f"the answer of {member.name} cannot be read ({error!r})", at=now())
        if proof.well_since is None or not _serves(wanted, proof):
            return proof
        found.append((proof.well_since, proof))
    return max(found, key=itemgetter(0))[1]


def _serves(wanted: Wanted, proof: Proof) -> bool:
    """Whether all is well there, and has to last only."""
    return proof.release is not None and proof.well_since is not None and wanted.images <= proof.digests
