"""Whether a release may begin by all the guards there are: the operator's, the last good release's and its own.

Each of the three voices is heard for itself, so that no commit deletes the guard that would hold it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitopsd.model.desired import DesiredState, SealedState, Service
from gitopsd.model.guards import (
    NO_GUARDS,
    Gate,
    Guards,
    Requirement,
    Ruling,
    deletable,
    loosened,
    outspoken,
    strictest,
)
from gitopsd.model.plan import Plan
from gitopsd.model.release import Hold, Journal
from gitopsd.model.strategy import Approve, SetWeight
from gitopsd.model.units import span_text
from gitopsd.release.windows import closed_by, next_chance

HOUR = timedelta(hours=1)
FRESH = timedelta(minutes=1)  # for so long what somebody elsewhere proved counts without asking again
APPROVAL, DELETION = "approval", "deletion"
Voice = tuple[str, Guards]


@dataclass(frozen=True, slots=True)
class Proof:
    """How an environment that has to go first stands: the images that it serves, and since when all is well there.

    `known`: it is there at all. Of one elsewhere it is also said `on` which machine, and `at` what time that was known;
    `trouble` is why nothing is. `ahead`: whoever asks is one of those that go first.
    """

    release: int | None = None
    digests: frozenset[str] = frozenset()
    well_since: datetime | None = None
    known: bool = True
    on: str = ""
    trouble: str = ""
    at: datetime | None = None
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A release that would begin: its content, its plan, and what else is known.

    `proofs` are by environment. `lane` is why it passes all guards, "" where it does not.
    """

    wanted: SealedState
    plan: Plan
    operator: Guards
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    lane: str = ""


def standing(journal: Journal, case: Case, now: datetime) -> tuple[Hold, ...]:
    """What holds the release, those first that wait for a person."""
    if case.lane:
        return ()
    voices = voices_of(journal, case)
    guards = effective(voices)
    return (
        *_asked(journal, case, guards, voices, now),
        *_breaker(journal, guards),
        *(_required(case, each, voices, now) for each in guards.requires if not _met(case, each, now)),
        *_windows(voices, guards, now),
        *_rate(journal, guards, now),
    )


def voices_of(journal: Journal, case: Case) -> tuple[Voice, ...]:
    """Who asks for what; a commit that says nothing of deletions means the usual share."""
    voices: list[Voice] = [("the operator's policy", case.operator)]
    if journal.serving is not None:
        voices.append((f"release {journal.serving.release}, the last good one,", outspoken(journal.serving.guards)))
    return (*voices, ("this commit", outspoken(asked(case.wanted.desired))))


def asked(desired: DesiredState) -> Guards:
    """What a commit asks for: the guards of its environment, and the approvals among the steps of its services."""
    gates = (_gate(each) for _, each in sorted(desired.services.items()))
    return replace(desired.policy.guards, gates=tuple(each for each in gates if each.shares))


def _gate(service: Service) -> Gate:
    share, shares = 0, []
    stepped = service.traffic is not None and service.policy.strategy in ("canary", "blue-green")
    for step in service.policy.steps if stepped else ():
        match step:
            case SetWeight(share=share):
                pass
            case Approve():
                shares.append(share)
    return Gate(service.name, tuple(shares))


def effective(voices: tuple[Voice, ...]) -> Guards:
    """What holds whenever any of the voices would."""
    found = voices[0][1]
    for _, guards in voices[1:]:
        found = strictest(found, guards)
    return found


def kept(journal: Journal, *, back: bool) -> Guards:
    """The guards of what serves, where something goes back past them: nobody was asked, so nobody let go of them."""
    return outspoken(journal.serving.guards) if journal.serving is not None and back else NO_GUARDS


def looser(journal: Journal, wanted: SealedState) -> tuple[str, ...]:
    """The guards of which the content asks for less than what serves. That counts from the release after it."""
    if journal.serving is None:
        return ()
    return loosened(journal.serving.guards, asked(wanted.desired))


def _asked(journal: Journal, case: Case, guards: Guards, voices: tuple[Voice, ...], now: datetime) -> Iterator[Hold]:
    """What a person has to say yes to, of those guards to which nobody has."""
    content, revision = case.wanted.content_digest, case.wanted.revision
    ruling = journal.rulings.get(content)
    approved = ruling.guards if ruling is not None and _counts(ruling, journal, now) else ()
    for guard, why in _questions(journal, case, guards, voices):
        if guard in approved:
            continue
        if ruling is not None and ruling.said != "approved":
            mend = f"other content in Git, or `gitopsd rollout retry {journal.environment}` asks again"
            yield Hold(guard, f"release {ruling.release} was {ruling.words}; {mend}", ruling.release, by=ruling.by)
        else:
            tag = f"or a tag approve/{journal.environment}/{revision} in Git"
            yield Hold(guard, f"{why}; `gitopsd approve {journal.environment}` {tag} lets it begin")


def _counts(ruling: Ruling, journal: Journal, now: datetime) -> bool:
    """Whether it is a yes to what would happen now: other content that came to serve since then makes that another."""
    later = journal.serving is not None and journal.serving.release > ruling.release
    return ruling.said == "approved" and now < ruling.until and not later


def _questions(journal: Journal, case: Case, guards: Guards, voices: tuple[Voice, ...]) -> Iterator[tuple[str, str]]:
    if guards.approval is not None:
        want = _want(voices, lambda each: each.approval is not None)
        yield APPROVAL, f"{case.wanted.revision[:8]} waits for an approval, as {want}"
    elif lost := [(who, gate) for who, said in voices for gate in lost_gates(said, case.wanted.desired)]:
        steps = "; ".join(f"it has no approval step of {gate.words}, as {who} has" for who, gate in lost)
        yield APPROVAL, f"{case.wanted.revision[:8]} waits for an approval: {steps}"
    gone, slots = deletions(journal, case.plan)
    share, services = deletable(guards), [each.service for each in case.plan.changes if each.change == "remove"]
    if services and not case.wanted.services:
        yield DELETION, f"everything would be deleted ({', '.join(services)}), as this commit has no services"
    elif gone and (gone == slots or gone * 100 > share * slots):
        told = f"{gone} of {slots} slots would be deleted ({', '.join(services)})"
        yield DELETION, f"{told}, and {share} % may be without a word"


def lost_gates(before: Guards, desired: DesiredState) -> tuple[Gate, ...]:
    """The approvals on the way that a commit would take out, or have later."""
    after = asked(desired)
    lost = {gate.service for gate in strictest(before, after).gates if gate not in after.gates}
    return tuple(gate for gate in before.gates if gate.service in lost)


def deletions(journal: Journal, plan: Plan) -> tuple[int, int]:
    """How many slots would go because their services left the manifest, and how many there are."""
    slots = {name: target.replicas for name, target in journal.stable.items() if name not in journal.completed}
    gone = sum(slots.get(each.service, 0) for each in plan.changes if each.change == "remove")
    return gone, sum(slots.values())


def _breaker(journal: Journal, guards: Guards) -> Iterator[Hold]:
    if guards.failures and journal.failures >= guards.failures:
        mend = f"revert to what was good, or `gitopsd rollout retry {journal.environment}` lets the next one begin"
        yield Hold("circuit-breaker", f"{journal.failures} releases in a row have failed; {mend}")


def _met(case: Case, wanted: Requirement, now: datetime) -> bool:
    return not _lacks(case, wanted, now)


def _required(case: Case, wanted: Requirement, voices: tuple[Voice, ...], now: datetime) -> Hold:
    want = _want(voices, lambda each: wanted in each.requires)
    since = case.proofs.get(wanted.environment, Proof()).well_since
    until = since + wanted.healthy_for if since is not None else None
    in_time = until is not None and _met(case, wanted, max(until, now))  # nothing but the passing of time is lacking
    return Hold("requires", f"as {want}, {_lacks(case, wanted, now)}", until=until if in_time else None)


def _lacks(case: Case, wanted: Requirement, now: datetime) -> str:
    """What the other environment has not proven yet; "" for nothing."""
    name, proof = wanted.environment, case.proofs.get(wanted.environment, Proof())
    if name == case.wanted.desired.environment:
        return f"{name} has to go before itself, which nothing can; name the environment that goes first"
    if proof.ahead:
        return ""
    if proof.trouble:
        return f"{name} has to serve it first, and {proof.trouble}"
    name = f"{name} ({proof.on})" if proof.on else name
    if proof.release is None:
        why = "nothing serves there" if proof.known else "there is no environment of that name"
        return f"{name} has to serve it first, and {why}"
    unknown = sorted(image for digest, image in images_of(case.wanted).items() if digest not in proof.digests)
    if wanted.same == "digests" and unknown:
        return f"{name} has to serve {', '.join(unknown)} first, and its release {proof.release} has other images"
    if proof.well_since is None:
        return f"{name} has to be healthy, and is not"
    if proof.well_since + wanted.healthy_for > (proof.at or now):
        since = f"{proof.well_since:%Y-%m-%d %H:%M} UTC"
        return f"{name} has to be healthy for {span_text(wanted.healthy_for)}, and is since {since}"
    if proof.at is not None and now - proof.at > FRESH:
        return f"{name} was well at {proof.at:%Y-%m-%d %H:%M} UTC, and is asked again"
    return ""


def images_of(wanted: SealedState) -> dict[str, str]:
    """The images that a release brings: what each is written as, by what tells it from all others."""
    return {each.image.digest or each.image.id: each.service.image for each in wanted.services.values()}


def _windows(voices: tuple[Voice, ...], guards: Guards, now: datetime) -> Iterator[Hold]:
    closed = [(who, closed_by(each, now)) for who, said in voices for each in said.calendars]
    reasons = dict.fromkeys(f"{words}, says {who}" for who, words in closed if words)
    if reasons:
        yield Hold("window", f"no release begins now: {'; '.join(reasons)}", until=next_chance(guards.calendars, now))


def _rate(journal: Journal, guards: Guards, now: datetime) -> Iterator[Hold]:
    """Times in the future are those of a clock that was set back; they count as now."""
    limit, begun = guards.rate_limit, [min(each, now) for each in journal.begun]
    if limit.distance and begun and now < begun[-1] + limit.distance:
        until = begun[-1] + limit.distance
        yield Hold(
            "rate-limit",
            f"releases begin {span_text(limit.distance)} apart, and the last one did just now",
            until=until,
        )
    lately = [each for each in begun if now - each < HOUR]
    if limit.releases_per_hour and len(lately) >= limit.releases_per_hour:
        until = lately[-limit.releases_per_hour] + HOUR
        yield Hold("rate-limit", f"{len(lately)} releases within an hour are enough", until=until)


def crowded(others: tuple[str, ...], most: int) -> tuple[Hold, ...]:
    """What holds it while so many others are under way on its engine."""
    if not others:
        return ()
    return (Hold("concurrency", f"{', '.join(others)} under way on this engine now, and {most} at once may be"),)


def _want(voices: tuple[Voice, ...], asks: Callable[[Guards], bool]) -> str:
    who = [each for each, guards in voices if asks(guards)]
    return f"{' and '.join(who)} {'want' if len(who) > 1 else 'wants'}"
