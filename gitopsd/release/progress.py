"""How a release under way stands, service by service, and what comes next and when: for whoever follows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Pending, Preparing, Progressing, RollingBack, Rollout, Sighting, Target
from gitopsd.model.route import ALL
from gitopsd.release.gates import RETURNED, RETURNING, met
from gitopsd.release.inventory import members_of
from gitopsd.release.jobs import awaited_jobs
from gitopsd.rollout import Member
from gitopsd.rollout.judge import Figure, explain
from gitopsd.rollout.machine import NOTHING
from gitopsd.rollout.member import Judge, ready_now, sightings
from gitopsd.rollout.resting import goes_back, rest_until
from gitopsd.rollout.shifting import at_approval, gradual, pause_ends, waits, warm_until, words
from gitopsd.rollout.traffic import InRouter
from gitopsd.rollout.volume import too_few
from gitopsd.rollout.watching import analysis_at, measured, opinion, watches

Role = Literal["new", "old", "other"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One instance. `role`: of the fingerprint that the rollout leads to, of the one that served before, or neither.

    `ready_since`: since when it has been ready without a break. `words` is what it says against itself.
    """

    name: str
    slot: int
    role: Role
    state: str
    check: str
    ready: bool
    ready_since: datetime | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes next, and when; `at` None: not by the passing of time."""

    what: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceProgress:
    """One rollout that is open: how many of the goal's slots serve, its instances, and what is expected.

    `share` is what the target is to have of the traffic, in basis points, None without a router; `step` is the present
    one in words, where it is let in by steps. `verdict` is what the judge says of it, with its numbers, `warning` why a
    step that is to come will not see enough requests to be judged. `figures` is what is in hand of each metric.
    """

    rollout: Rollout
    wanted: int
    serving: int
    instances: tuple[Standing, ...]
    next: tuple[Expected, ...]
    share: int | None = None
    step: str = ""
    verdict: str = ""
    warning: str = ""
    figures: tuple[Figure, ...] = ()

    @property
    def evidence(self) -> str:
        """What speaks against it: why it turned back, or what its new instances say."""
        reason = getattr(self.rollout.phase, "reason", "")
        reason = reason or next(iter((*self.rollout.passed.values(), *self.rollout.relapsed.values())), "")
        return reason or next((each.words for each in self.instances if each.role == "new" and each.words), "")


def progress(journal: Journal, live: LiveState, now: datetime) -> tuple[ServiceProgress, ...]:
    """Every open rollout of an environment, by the name of its service."""
    return _progress_of(journal, members_of(journal, live), now)


def progress_on_swarm(
    journal: Journal, members: Mapping[str, tuple[Member, ...]], now: datetime
) -> tuple[ServiceProgress, ...]:
    """The same on a swarm: its managers say since when a task runs, and let one run once it is healthy."""

    def seen(rollout: Rollout) -> Rollout:
        begun = ((each.id, each.instance.started_at) for each in members.get(rollout.service, ()))
        return replace(rollout, seen={id: Sighting(at, at, at, starts=1) for id, at in begun if at is not None})

    opened = {name: seen(each) for name, each in journal.rollouts.items()}
    return _progress_of(replace(journal, rollouts=opened), members, now)


def _progress_of(
    journal: Journal, members: Mapping[str, tuple[Member, ...]], now: datetime
) -> tuple[ServiceProgress, ...]:
    """The same, by the instances of each service."""
    opened = (rollout for _, rollout in sorted(journal.rollouts.items()) if rollout.open)
    return tuple(_progress(journal, rollout, members, now) for rollout in opened)


def _progress(
    journal: Journal, rollout: Rollout, members: Mapping[str, tuple[Member, ...]], now: datetime
) -> ServiceProgress:
    own = members.get(rollout.service, ())
    newest = rollout.release if rollout.kind == "change" else -1
    judge = Judge(rollout.policy, sightings(own, rollout.seen, now, newest, returned=False), now)
    goal = _goal(rollout)
    serving = {each.placed.slot for each in own if each.placed.fingerprint == goal.fingerprint and judge.ready(each)}
    expected = sorted(_expected(journal, rollout, members, judge), key=lambda each: (each.at is None, each.at or now))
    standings = sorted(own, key=lambda each: (each.placed.slot, each.instance.created_at))
    instances = tuple(_standing(each, rollout, judge) for each in standings)
    step = words(rollout) if gradual(rollout) and isinstance(rollout.phase, Progressing) else ""
    share = _share(journal, rollout, own)
    said = opinion(rollout) if watches(rollout) else None
    return ServiceProgress(
        rollout=rollout,
        wanted=goal.replicas,
        serving=len(serving),
        instances=instances,
        next=tuple(expected),
        share=share,
        step=step,
        verdict=explain(said) if said is not None else "",
        warning=too_few(rollout),
        figures=measured(rollout) if watches(rollout) else (),
    )


def _share(journal: Journal, rollout: Rollout, own: tuple[Member, ...]) -> int | None:
    """What the router is to give the target now."""
    router = InRouter(journal.routes.get(rollout.service))
    if router.routed is None:
        return None
    target = rollout.target.fingerprint
    slot = router.slot_of(tuple(each for each in own if each.placed.fingerprint == target))
    if slot is None:
        return 0
    return router.routed.share if slot == "b" else ALL - router.routed.share


def _goal(rollout: Rollout) -> Target:
    return (rollout.stable or NOTHING) if isinstance(rollout.phase, RollingBack) else rollout.target


def _standing(member: Member, rollout: Rollout, judge: Judge) -> Standing:
    instance, fingerprint = member.instance, member.placed.fingerprint
    old = rollout.stable is not None and fingerprint == rollout.stable.fingerprint
    role: Role = "new" if fingerprint == rollout.target.fingerprint else "old" if old else "other"
    return Standing(
        name=instance.name,
        slot=member.placed.slot,
        role=role,
        state=instance.state,
        check=instance.check,
        ready=ready_now(member),
        ready_since=judge.seen[member.id].ready_since,
        words=_words(member, judge),
    )


def _words(member: Member, judge: Judge) -> str:
    instance = member.instance
    bad = instance.state in ("exited", "dead") or judge.crash_looping(member) or member.unhealthy
    if bad and not member.placed.kept:
        return judge.evidence(member)
    said = member.complaint if member.up and not ready_now(member) else ""
    return f"{instance.name} is not healthy yet: {said[:200]}" if said else ""


def _expected(
    journal: Journal, rollout: Rollout, members: Mapping[str, tuple[Member, ...]], judge: Judge
) -> Iterator[Expected]:
    if rollout.paused is not None:
        yield Expected(f"nothing until a person says `gitopsd rollout resume {journal.environment}`")
        return
    match rollout.phase:
        case Pending():
            yield Expected(_waits_for(journal, rollout, members))
        case Preparing():
            yield Expected("its networks and volumes are being made")
        case Finalising() if rollout.watched(judge.now):
            yield Expected("it is good, unless something fails by then (update_config.monitor)", rollout.watched_until)
        case Finalising():
            if (warm := warm_until(rollout)) is not None and judge.now < warm:
                yield Expected("the old instances, which can still take everything back, may go", warm)
            yield Expected("what it replaced is cleared away", rollout.deadline)
        case Progressing() | RollingBack():
            yield from _by_time(rollout, members.get(rollout.service, ()), judge)
            yield from _by_step(journal, rollout)
            if not waits(rollout):
                yield Expected(_at_the_deadline(rollout), rollout.deadline)


def _waits_for(journal: Journal, rollout: Rollout, members: Mapping[str, tuple[Member, ...]]) -> str:
    if rollout.leaving:
        return "it goes once everything that stays is good"
    needs = [(name, condition) for name, condition in rollout.needs if not met(journal, name, condition, members)]
    said = {RETURNED: "has returned", RETURNING: "returns", "service_started": "has started"}
    words = [f"{name} {said.get(condition, 'is good')}" for name, condition in needs]
    words += [f"{name} is good" for name in awaited_jobs(journal, rollout) if rollout.kind == "change"]
    return f"it begins once {' and '.join(words)}" if words else "it begins"


def _by_time(rollout: Rollout, own: tuple[Member, ...], judge: Judge) -> Iterator[Expected]:
    goal = _goal(rollout)
    for member in own:
        at = judge.next_look(member)
        if at is None or at <= judge.now or member.placed.fingerprint != goal.fingerprint:
            continue
        proves = judge.seen[member.id].ready_since is not None
        what = "counts as good" if proves else "has failed unless it is ready by then"
        yield Expected(f"{member.instance.name} {what}", at)
    rest, more = rest_until(rollout, own, judge), len({each.placed.slot for each in own}) > 1
    if rest is not None and more:
        said = "rollback_config" if goes_back(rollout) else "update_config"
        yield Expected(f"the next instance may be replaced ({said}.delay)", rest)


def _by_step(journal: Journal, rollout: Rollout) -> Iterator[Expected]:
    if not waits(rollout):
        return
    ends = pause_ends(rollout)
    if at_approval(rollout):
        yield Expected(f"it goes on with `gitopsd approve {journal.environment}`", None)
        return
    promote = f"gitopsd rollout promote {journal.environment}/{rollout.service}"
    over = "the analysis ends, if the judge passes it" if analysis_at(rollout) is not None else "the pause ends"
    yield Expected(f"{over} (or now: `{promote}`)" if ends else f"it goes on with `{promote}`", ends)


def _at_the_deadline(rollout: Rollout) -> str:
    if isinstance(rollout.phase, RollingBack):
        return "the way back has failed, if nothing has moved by then"
    return f"it {'turns back' if rollout.way_back else 'has failed'}, if nothing has moved by then"
