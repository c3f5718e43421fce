"""What keeps an environment from being released to right now, whatever the plan says."""

from dataclasses import dataclass

from gitopsd.controller.desire import Desire
from gitopsd.controller.environments import Environment
from gitopsd.controller.renewing import version_hold
from gitopsd.model.live import LiveState
from gitopsd.model.release import Hold, Journal
from gitopsd.plan.foreign import foreign_holds
from gitopsd.release.pinning import pin_hold


@dataclass(frozen=True, slots=True)
class Asker:
    """Who looks: this gitopsd's id and the version of its fingerprints. `sync`: a person asked for a release."""

    instance_id: str
    version: str
    sync: bool


def guards(
    environment: Environment, journal: Journal, live: LiveState, desire: Desire, asker: Asker
) -> tuple[Hold, ...]:
    """The holds of one look, those first that forbid every write."""
    holds: list[Hold] = []
    project = project_of(journal, desire)
    if live.owner not in ("", asker.instance_id):
        claim = "config" if environment.engine.swarm else "volume"
        mend = f"if that one is gone for good, remove the {claim} gitopsd-owner-{project}"
        holds.append(Hold("owner", f"project {project} belongs to another gitopsd ({live.owner[:8]}); {mend}"))
    holds += project_hold(journal, desire)
    if journal.suspension is not None:
        by = journal.suspension
        holds.append(Hold("suspended", f"suspended: {by.reason}".rstrip(": "), until=by.until, by=by.by))
    holds += pin_hold(journal, desire.state)
    holds += foreign_holds(project, _services(journal, desire), journal, live)
    if not asker.sync:
        holds += version_hold(journal, asker.version)
    if environment.mode == "manual" and not asker.sync:
        holds.append(Hold("manual", f"mode is manual: `gitopsd sync {environment.name}` begins the release"))
    return tuple(holds)


def project_hold(journal: Journal, desire: Desire) -> tuple[Hold, ...]:
    """A hold while the files name another project than the one that runs, whose volumes would be left behind."""
    project = project_of(journal, desire)
    wanted = desire.loaded.desired.project if desire.loaded is not None else project
    if wanted == project:
        return ()
    keep, end = f"set `project: {project}` for it in gitopsd.yaml", f"`gitopsd remove {journal.environment}` first"
    mend = f"{keep}, `gitopsd adopt {wanted}` if that one runs already, or {end}"
    return (Hold("project", f"the project's name changed from {project} to {wanted}; {mend}"),)


def project_of(journal: Journal, desire: Desire) -> str:
    if journal.project:
        return journal.project
    return desire.loaded.desired.project if desire.loaded is not None else ""


def _services(journal: Journal, desire: Desire) -> frozenset[str]:
    """The services that the environment has, or is to have."""
    wanted = desire.loaded.desired.services if desire.loaded is not None else {}
    return frozenset((*journal.stable, *wanted))
