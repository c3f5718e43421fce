"""Drift of containers: slots that are empty, instances that are not as we left them, and those that are not ours."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from gitopsd.drift.comparing import Comparison
from gitopsd.engine_json.delivered import ROWS
from gitopsd.engine_json.labels import CARRIER
from gitopsd.model.cure import Cure
from gitopsd.model.desired import SealedService
from gitopsd.model.drift import DriftItem, DriftKind, DriftState, FieldDrift
from gitopsd.model.health import Readiness
from gitopsd.model.live import Instance
from gitopsd.model.parted import same_but_for_the_key
from gitopsd.model.release import Journal, Placed
from gitopsd.model.rollout import Target


def absent_slots(
    service: str, stable: Target, filled: Collection[int], stem: str, now: datetime
) -> Iterator[DriftItem]:
    """A slot without any container of ours."""
    for slot in range(1, stable.replicas + 1):
        if slot not in filled:
            name = stable.container_name or f"{stem}-{slot}"
            cause = f"{name} is gone: removed, and not by gitopsd"
            yield DriftItem("container", name, service, "", "missing", cause, now, now, cure="recreate")


def instance_drift(
    instance: Instance, placed: Placed, stable: Target, sealed: SealedService | None, project: str, now: datetime
) -> Iterator[DriftItem]:
    """What is wrong with a container of ours as a whole. A kept one is stopped on purpose."""
    if placed.kept:
        return
    if placed.slot > stable.replicas:
        yield _item(instance, placed.service, "extra", f"left over: {stable.replicas} wanted", now, "in-place")
        return
    yield from _state(instance, placed, now)
    changes = tuple(_changes(instance, placed, stable, project))
    if changes:
        cure: Cure = "recreate" if any(change.cure == "recreate" for change in changes) else "in-place"
        yield _item(instance, placed.service, "modified", _told(changes), now, cure, changes=changes)
    yield from _image(instance, placed, sealed, now)


def failing(instance: Instance, placed: Placed, readiness: Readiness | None, now: datetime) -> Iterator[DriftItem]:
    """It answers wrongly, or no more, to what it is asked. What its own healthcheck says is told by its state."""
    told = instance.check == "unhealthy" or readiness is None or readiness.state != "unhealthy"
    if readiness is None or told or placed.kept or instance.state != "running":
        return
    cause = f"its checks fail: {readiness.said[:200]}".rstrip(": ")
    yield _since(_item(instance, placed.service, "unhealthy", cause, now, "recreate"), readiness.since)


def changed_fields(instance: Instance, placed: Placed, found: Comparison, now: datetime) -> Iterator[DriftItem]:
    """Its single fields: those that a hand has changed, and those that the engine never carried out.

    Name and image are told apart, as what they are.
    """
    fields = [each for each in found.fields if each.path not in ("name", "image") and each.at[0] not in ROWS]
    both = tuple(each for each in fields if each.conflict)
    changed = tuple(each for each in fields if not each.conflict)
    if changed:
        cure: Cure = "recreate" if any(each.cure == "recreate" for each in changed) else "in-place"
        yield _item(instance, placed.service, "modified", _by_hand(changed), now, cure, changes=changed)
    if both:
        cause = f"{_paths(both)} changed by hand, and in Git, which wins"
        yield replace(_item(instance, placed.service, "modified", cause, now, changes=both), state="conflict")
    yield from _files(instance, placed, found.fields, now)
    if instance.untagged and not found.pending:
        tag = FieldDrift(("image", "tag"), instance.image_id, instance.image_id, None, "declared", "none")
        cause = f"{instance.image} is no name of its image any more: moved or removed, and not by gitopsd"
        yield _item(instance, placed.service, "image", cause, now, "none", (tag,))
    if found.unenforced:
        cause = f"this engine cannot carry out {_paths(found.unenforced)}"
        item = _item(instance, placed.service, "modified", cause, now, changes=found.unenforced)
        yield replace(item, state="unenforceable")


def _files(instance: Instance, placed: Placed, fields: Iterable[FieldDrift], now: datetime) -> Iterator[DriftItem]:
    """Files of delivered content, one item each."""
    for each in (each for each in fields if each.at[0] in ROWS):
        kind: DriftKind = "missing" if each.live is None else "extra" if each.applied is None else "modified"
        words = {"missing": "removed from", "extra": "put into", "modified": "changed in"}
        cause = f"{each.at[1]} was {words[kind]} the container by hand"
        name = f"{instance.name}:{each.at[1]}"
        state: DriftState = "conflict" if each.conflict else "open"
        yield DriftItem("file", name, placed.service, instance.id, kind, cause, now, now, state, (each,), each.cure)


def _by_hand(fields: Collection[FieldDrift]) -> str:
    return f"{_paths(fields)} changed by hand"


def _paths(fields: Collection[FieldDrift]) -> str:
    return ", ".join(each.path for each in fields)


def _state(instance: Instance, placed: Placed, now: datetime) -> Iterator[DriftItem]:
    match instance.state:
        case "exited" | "dead":
            why = ", out of memory" if instance.oom_killed and instance.exit_code == 137 else ""
            cause = f"{instance.state} with code {instance.exit_code}{why}"
            cure: Cure = "in-place" if instance.state == "exited" else "recreate"
            yield _since(_item(instance, placed.service, "stopped", cause, now, cure), instance.finished_at)
        case "created":
            yield _item(instance, placed.service, "stopped", "created, never started", now, "in-place")
        case "paused":
            yield _item(instance, placed.service, "paused", "paused, and not by gitopsd", now, "in-place")
        case "running" if instance.check == "unhealthy":
            said = instance.check_output.strip()
            cause = f"its healthcheck fails: {said[:200]}" if said else "its healthcheck fails"
            yield _item(instance, placed.service, "unhealthy", cause, now, "recreate")
        case _:
            pass


def _changes(instance: Instance, placed: Placed, stable: Target, project: str) -> Iterator[FieldDrift]:
    """Fingerprint and name. The inventory remembers both; a label alone may have been copied.

    A label of another fingerprint version says what only that version understands, and one by a lost key what nobody
    understands any more.
    """
    version, labelled = stable.fingerprint.partition(":")[0], instance.fingerprint
    if labelled.partition(":")[0] != version or same_but_for_the_key(labelled, placed.fingerprint):
        labelled = placed.fingerprint
    for live in dict.fromkeys((placed.fingerprint, labelled)):
        if live != stable.fingerprint:
            wanted = stable.fingerprint
            yield FieldDrift(("fingerprint",), wanted, placed.fingerprint, live, "manifest", "recreate")
    name = stable.container_name or f"{project}-{placed.service}-{placed.slot}"
    if instance.name != name:
        yield FieldDrift(("name",), name, placed.name, instance.name, "manifest", "in-place")


def _told(changes: tuple[FieldDrift, ...]) -> str:
    words = {"fingerprint": "of another fingerprint", "name": "renamed"}
    return " and ".join(dict.fromkeys(words[change.path] for change in changes))


def _image(instance: Instance, placed: Placed, sealed: SealedService | None, now: datetime) -> Iterator[DriftItem]:
    """The image that runs is another than the one recorded for the fingerprint."""
    if sealed is None or placed.fingerprint != sealed.fingerprint or instance.image_id in ("", sealed.image.id):
        return
    change = FieldDrift(("image",), sealed.image.id, sealed.image.id, instance.image_id, "declared", "recreate")
    cause = f"runs {instance.image_id[:19]}, recorded for {sealed.image.reference} is {sealed.image.id[:19]}"
    yield _item(instance, placed.service, "image", cause, now, "recreate", (change,))


def foreign(instance: Instance, journal: Journal, now: datetime) -> Iterator[DriftItem]:
    """A container of the project that is not in our inventory: shown, and never touched."""
    if CARRIER in instance.labels or instance.name in journal.intended:
        return
    if instance.one_off:
        cause = "a one-off container of the project, made by `docker compose run`"
    elif instance.environment in journal.names:
        cause = "it bears our labels, but gitopsd did not create it: a copy made by hand"
    else:
        cause = "a container of the project that gitopsd did not create"
    yield _since(_item(instance, instance.service, "extra", cause, now), instance.created_at)


def _item(
    instance: Instance,
    service: str,
    kind: DriftKind,
    cause: str,
    now: datetime,
    cure: Cure = "none",
    changes: tuple[FieldDrift, ...] = (),
) -> DriftItem:
    return DriftItem("container", instance.name, service, instance.id, kind, cause, now, now, "open", changes, cure)


def _since(item: DriftItem, when: datetime | None) -> DriftItem:
    """The item, first seen when the engine says that it came about, if that is not in the future."""
    return replace(item, first_seen=min(when or item.first_seen, item.first_seen))
