"""The schema gate: no version may serve, or be returned to, while a database is at a schema that it does not work with.

What a job does to a schema counts from the moment that it may have begun. So every version that may serve at that
moment, and the one that a failure returns to, must work with what was before it and with what comes of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gitopsd.model.desired import SealedState, Service
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal, Release
from gitopsd.model.rollout import Finalising, Progressing, RolledBack, Rollout, Succeeded
from gitopsd.model.schema import Accepts, Schema, Unneeded
from gitopsd.release.schema_way import Sides, way

GUARD: Final = "schema"


@dataclass(frozen=True, slots=True)
class User:
    """A version of a service that works with a database, as people know it."""

    who: str
    accepts: Accepts


def refusal(journal: Journal, wanted: SealedState, plan: Plan, *, by_record: bool = False) -> str:
    """Why a release would leave some version with a schema that it does not work with, and what would do; "" for none.

    A database that a job of the release reads is judged by what that says, once it has. `by_record`: by
    what is on record now.
    """
    journal = recalled(journal, wanted)
    services = [sealed.service for _, sealed in sorted(wanted.services.items())]
    named = {each.schema.database for each in services if each.schema is not None}
    named |= {each.job.database for each in services if each.job is not None and each.job.database}
    moving = frozenset(change.service for change in plan.changes if change.change not in ("unchanged", "remove"))
    probed = {each.job.database for each in services if each.job and each.job.phase == "probe" and each.name in moving}
    judged = sorted(named - (probed - journal.schemas.keys() if by_record else probed))
    return next(filter(None, (_refusal(journal, each, services, moving) for each in judged)), "")


def passing(journal: Journal, wanted: SealedState, plan: Plan) -> bool:
    """Whether a refusal is for nothing but what is on its way out: it ends by itself, and is held against nobody."""
    going = journal.release is None and any(each.open for each in journal.rollouts.values())
    return going and not refusal(replace(journal, rollouts={}, inventory={}, before={}), wanted, plan)


def foreseen(journal: Journal, wanted: SealedState, plan: Plan) -> str:
    """What a release will be stopped by, unless its probe reads another version than the one on record."""
    return refusal(journal, wanted, plan, by_record=True)


def recalled(journal: Journal, wanted: SealedState) -> Journal:
    """The journal with the versions of databases that it knows nothing of, by the jobs that succeeded nevertheless.

    So it is after an adoption, a lost store, or where the manifest says only now what its job provides.
    """
    found: dict[str, Schema] = {}
    for name, sealed in sorted(wanted.services.items()):
        job, before = sealed.service.job, journal.completed.get(name, ())
        if job is None or job.provides is None or job.database in journal.schemas or sealed.fingerprint not in before:
            continue
        known = found.get(job.database)
        if known is None or known.low < job.provides:
            found[job.database] = Schema(job.provides, job.provides, f"{name}, which succeeded once")
    return replace(journal, schemas={**journal.schemas, **found}) if found else journal


def misfit(journal: Journal, rollout: Rollout) -> str:
    """Why a rollout of a release may not begin, or go on, with the schema as it is now; "" where it may."""
    if rollout.kind != "change" or rollout.leaving:
        return ""
    terms, accepts = rollout.terms, rollout.target.schema
    if terms.provides is not None and not isinstance(rollout.phase, Progressing):
        return _job_misfit(journal, rollout, terms.database, terms.provides)
    if accepts is None:
        return ""
    schema = journal.schemas.get(accepts.database)
    if schema is None:
        return _unknown(accepts.database)
    if not schema.suits(accepts):
        return f"{accepts.database} is at {schema.words} ({schema.by}), and {rollout.service} accepts {accepts.words}"
    return ""


def let_in(journal: Journal, rollout: Rollout, now: datetime) -> Rollout:
    """A rollout that is about to begin, unless it does not suit the schema of a database."""
    bad = misfit(journal, rollout)
    return replace(rollout, phase=RolledBack(f"not begun: {bad}", GUARD), finished_at=now) if bad else rollout


def begun(journal: Journal, rollout: Rollout) -> Journal:
    """From the moment that a job may have begun, its database may be anywhere up to what it provides."""
    terms = rollout.terms
    if terms.provides is None or not isinstance(rollout.phase, Progressing):
        return journal
    before = journal.schemas.get(terms.database, Schema(0, 0, ""))
    if before.high >= terms.provides:
        return journal
    return _with(journal, terms.database, Schema(before.low, terms.provides, _by(rollout, "has begun")))


def ended(journal: Journal, rollout: Rollout) -> Journal:
    """A job that succeeded has brought its database to what it provides; one that came too late did nothing."""
    terms = rollout.terms
    before = journal.schemas.get(terms.database)
    if terms.provides is None or (before is not None and before.low > terms.provides):
        return journal
    return _with(journal, terms.database, Schema(terms.provides, terms.provides, _by(rollout, "")))


def heard(
    journal: Journal, before: Rollout, after: Rollout, printed: Mapping[str, str], now: datetime
) -> tuple[Journal, Rollout]:
    """What a probe that has ended well says of its database. Until that can be read, it has not ended.

    Where it says something else than is on record, the release stops there, and what it says is on record from then on.
    """
    newly = isinstance(after.phase, Finalising | Succeeded) and isinstance(before.phase, Progressing)
    if after.terms.phase != "probe" or not newly:
        return journal, after
    if after.service not in printed:
        return journal, before
    said, database = printed[after.service].strip(), after.terms.database
    if not (said.isascii() and said.isdigit() and len(said) < 19):
        reason = f"its last line is to be the version of {database}, but it is {said[:40]!a}; let it print the number"
        return journal, replace(after, phase=RolledBack(reason), finished_at=now)
    version, known = int(said), journal.schemas.get(database)
    noted = _with(journal, database, Schema(version, version, _by(after, "read it")))
    if known is None or known.low <= version <= known.high:
        return noted, after
    mend = "that is on record from now on, so look who moved it, then say `retry`"
    reason = f"{database} is at {version}, but was taken to be at {known.words} ({known.by}); {mend}"
    return noted, replace(after, phase=RolledBack(reason), finished_at=now)


def contracts(journal: Journal, wanted: SealedState | None, now: datetime) -> Journal:
    """The journal with the contract jobs whose old shape nothing needs any more, and which of them are due."""
    if wanted is None or journal.release is not None:
        return journal
    found: dict[str, Unneeded] = {}
    for name, sealed in wanted.services.items():
        job = sealed.service.job
        if job is None or job.phase != "contract" or job.provides is None:
            continue
        if sealed.fingerprint in journal.completed.get(name, ()) or _needing(journal, job.database, job.provides):
            continue
        known = journal.unneeded.get(name)
        same = known is not None and known.fingerprint == sealed.fingerprint
        since = known.since if known is not None and same else now
        due = now >= since + job.after and wanted.content_digest not in journal.rejected
        found[name] = Unneeded(sealed.fingerprint, since, due)
    return journal if found == journal.unneeded else replace(journal, unneeded=found)


def contract_looks(before: Journal, after: Journal, wanted: SealedState | None, now: datetime) -> Iterator[datetime]:
    """When the passing of time makes a contract job due; and now, where that has just come."""
    for name, each in after.unneeded.items():
        job = wanted.services[name].service.job if wanted is not None and name in wanted.services else None
        if each.due and each != before.unneeded.get(name):
            yield now
        elif job is not None and each.since + job.after > now:
            yield each.since + job.after


def cannot_return(journal: Journal, release: Release) -> str:
    """Why a release cannot be returned to any more, whatever else is kept of it; "" where it can."""
    for each in release.services:
        schema = journal.schemas.get(each.schema.database) if each.schema is not None else None
        if each.schema is not None and schema is not None and not schema.suits(each.schema):
            now = f"{each.schema.database} is at {schema.words} ({schema.by})"
            return f"{now}, and its {each.name} accepts {each.schema.words}"
    return ""


def _refusal(journal: Journal, database: str, services: list[Service], moving: frozenset[str]) -> str:
    jobs = [each for each in services if each.job is not None and each.job.database == database]
    new = [User(each.name, each.schema) for each in services if each.schema and each.schema.database == database]
    old, schema = users(journal, database), journal.schemas.get(database)
    steps = {each.name: each.job.provides for each in jobs if each.name in moving and each.job is not None}
    moves = {name: to for name, to in steps.items() if to is not None and _moves(schema, to)}
    later = {each.name: each.job.provides for each in jobs if each.job is not None and each.job.phase == "contract"}
    if schema is None and (old or not moves):
        return _unknown(database) if new or old else ""
    to = max(moves.values(), default=schema.high if schema is not None else 0)
    at = Schema(to, to, "") if moves or schema is None else schema
    sides = Sides(database, schema.high if schema is not None else 0, to, _common(old), _common(new), tuple(moves))
    if moves and (bad := _first_misfit(old, at)):
        return f"{next(iter(moves))} brings {database} to {to}, but {bad}, and may serve then; {way(sides)}"
    if bad := _first_misfit(new, at):
        return f"{database} {'comes to' if moves else 'is at'} {at.words}, but the new {bad}; {way(sides)}"
    for name, provides in later.items():
        last = Schema(provides or 0, provides or 0, "")
        if (schema is None or last.high > schema.high) and (bad := _first_misfit(new, last)):
            mend = (
                f"commits that would work: (1) this one without {name}; (2) code that accepts {last.high}; (3) {name}"
            )
            return f"{name} brings {database} to {last.words} in the end, but the new {bad}; {mend}"
    return ""


def _moves(schema: Schema | None, to: int) -> bool:
    """Whether a job that provides this version does anything; one that was cut short does the rest."""
    return schema is None or (to >= schema.high and to > schema.low)


def users(journal: Journal, database: str) -> list[User]:
    """Every version that may serve now or be returned to: of targets, and of all instances that are there."""
    targets = [*journal.stable.items(), *journal.before.items()]
    for name, rollout in journal.rollouts.items():
        targets += [(name, each) for each in (rollout.stable,) if each is not None and rollout.open]
        targets += [(name, rollout.target)] if isinstance(rollout.phase, Progressing | Finalising) else []
    said = {(name, target.fingerprint): target.schema for name, target in targets}
    found = [(name, accepts) for (name, _), accepts in said.items()]
    for placed in journal.inventory.values():
        if (placed.service, placed.fingerprint) not in said:
            found.append((f"{placed.service} ({placed.name})", placed.schema))
    each = {User(who, accepts): None for who, accepts in found if accepts is not None and accepts.database == database}
    return list(each)


def _needing(journal: Journal, database: str, version: int) -> str:
    """Who would not work with the database at this version, in words."""
    return _first_misfit(users(journal, database), Schema(version, version, ""))


def _job_misfit(journal: Journal, rollout: Rollout, database: str, provides: int) -> str:
    schema = journal.schemas.get(database)
    if not _moves(schema, provides):
        return ""
    bad = _needing(journal, database, provides)
    if not bad:
        return ""
    kept = {name: each.target for name, each in journal.rollouts.items() if each.kind == "change" and not each.leaving}
    new = [User(name, each.schema) for name, each in {**journal.stable, **kept}.items() if each.schema is not None]
    after = _common(each for each in new if each.accepts.database == database)
    now = schema.high if schema is not None else 0
    sides = Sides(database, now, provides, _common(users(journal, database)), after, (rollout.service,))
    return f"it brings {database} to {provides}, but {bad}, and may serve then; {way(sides)}"


def _first_misfit(each: Iterable[User], schema: Schema) -> str:
    bad = next((user for user in each if not schema.suits(user.accepts)), None)
    return f"{bad.who} accepts {bad.accepts.words}" if bad is not None else ""


def _common(each: Iterable[User]) -> tuple[int, int] | None:
    """What all of them accept, the end before the begin where that is nothing; None: nobody says anything."""
    ranges = [user.accepts for user in each]
    return (max(one.low for one in ranges), min(one.high for one in ranges)) if ranges else None


def _unknown(database: str) -> str:
    mend = f"write a job of phase probe that prints it, with database: {database}"
    return f"nobody knows at which version {database} is; {mend}"


def _by(rollout: Rollout, what: str) -> str:
    return " ".join(filter(None, (f"{rollout.service} of release {rollout.release}", what)))


def _with(journal: Journal, database: str, schema: Schema) -> Journal:
    return replace(journal, schemas={**journal.schemas, database: schema})
