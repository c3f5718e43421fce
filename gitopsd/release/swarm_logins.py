"""Renewed logins on a swarm. Swarm hands a node the login that came with the service, whenever that is, so one that has
run out shows on the day when a task comes to a node without the image. Told again, it makes no task anew.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT, SERVICE
from gitopsd.engine_json.swarm_adopted import image_of
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.event import Event
from gitopsd.model.release import Journal
from gitopsd.model.swarm import RenewLogin, SwarmService, SwarmSpec, SwarmState

_CAUSE = "its nodes are given the login of its registry that is valid now"


def renewals(
    journal: Journal, live: SwarmState, logins: Mapping[str, str], busy: Collection[str]
) -> tuple[RenewLogin, ...]:
    """Services whose nodes were given another login than there is now, by the marks of `logins` for their images.

    They are told what they are, whatever that is: what somebody changed stays with those who look after it. `busy` are
    the ids of those that are told something else now.
    """
    return tuple(
        RenewLogin(each.labels.get(SERVICE, ""), each.id, each.version, _as_it_is(each), _CAUSE)
        for each in live.services.values()
        if SPEC in each.labels and each.labels.get(ENVIRONMENT) in journal.names and each.id not in busy
        if not runs_to_end(each.body) and not _moves(journal, each)  # a job that is told anything begins anew
        if logins.get(image_of(each.body), "") not in ("", each.login)
    )


def renewals_told(journal: Journal, renewed: Collection[RenewLogin], now: datetime) -> tuple[Event, ...]:
    return tuple(
        Event(now, "LoginRenewed", f"{each.spec.name}: {each.cause}", "info", journal.environment, each.service)
        for each in renewed
    )


def _as_it_is(service: SwarmService) -> SwarmSpec:
    return SwarmSpec(service.name, service.body, service.labels[SPEC], service.labels.get(FINGERPRINT, ""))


def _moves(journal: Journal, service: SwarmService) -> bool:
    """Whether Swarm, or a rollout, is about to bring it to something else."""
    rollout = journal.rollouts.get(service.labels.get(SERVICE, ""))
    return service.moves or (rollout is not None and rollout.open)
