"""After a lost key: what runs is read, so that nothing is replaced for the want of a digest to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.ports import EngineView
from gitopsd.engine_json.container import creation
from gitopsd.engine_json.expectation import expected
from gitopsd.engine_json.networking import instance_name
from gitopsd.engine_json.secrets import live_secrets, secret_mounts
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile, DesiredState, SealedState
from gitopsd.model.errors import EngineRefused, ManifestError, NotFound
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.parted import with_secrets
from gitopsd.model.release import Journal
from gitopsd.release.rekeying import Doubt, Reading, by_another_key, doubts, rekeyed

MOST_BYTES = 9 << 20  # more than any secret file may have


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """The journal by the present key, and what was found by reading."""

    journal: Journal
    events: tuple[Event, ...] = ()


def compared_by_reading(
    journal: Journal,
    live: LiveState,
    states: Sequence[SealedState | None],
    engine: EngineView,
    key: bytes,
    now: datetime,
) -> Rekeyed:
    """The journal as it is, where all was made with the present key. `states` are what is wanted and what serves."""
    doubtful = doubts(journal, live, states)
    desired = next((state.desired for state in states if state is not None), None)
    if desired is None or not (doubtful or by_another_key(journal, states)):
        return Rekeyed(journal)
    reader = _Reader(engine, desired, key)
    readings = tuple(reader.read(doubt) for doubt in doubtful)
    events = (_told(journal, readings, reader.denied, now),) if readings else ()
    return Rekeyed(rekeyed(journal, readings, states), events)


class _Reader:
    """Reads containers of one environment. `denied` is the engine's, or a proxy's, word against it."""

    def __init__(self, engine: EngineView, desired: DesiredState, key: bytes) -> None:
        self._engine, self._desired, self._key = engine, desired, key
        self.denied = ""

    def read(self, doubt: Doubt) -> Reading:
        sealed, instance = doubt.sealed, doubt.instance
        name = instance_name(sealed.service, self._desired.project, instance.slot)
        found = dict(sealed.secrets)
        try:
            made = creation(
                *(sealed, self._desired),
                slot=instance.slot,
                name=name,
                release=0,
                carry={},
                api=self._engine.api(),
                key=self._key,
            )
            wanted = expected(sealed, made, name, self._defaults(instance.image_id))
            found = live_secrets(sealed, wanted, instance.fields, self._files(doubt), self._key)
        except ManifestError:
            pass  # it cannot be created by this engine, which the plan tells
        return Reading(doubt, with_secrets(sealed.fingerprint, found, self._key), found)

    def _defaults(self, image: str) -> Mapping[str, Json]:
        try:
            return self._engine.image_defaults(image)
        except NotFound:  # removed by force below its container
            return {}

    def _files(self, doubt: Doubt) -> dict[str, tuple[ContentFile, ...] | None]:
        targets = [mount.target for mount in secret_mounts(doubt.sealed.service)]
        try:
            return {target: self._engine.read(doubt.instance.id, target, MOST_BYTES) for target in targets}
        except EngineRefused as refused:
            self.denied = str(refused)
            return {}


def _told(journal: Journal, readings: Sequence[Reading], denied: str, now: datetime) -> Event:
    """What was found, in words, and what could not be."""
    unlike = sorted(
        {
            f"{each.doubt.sealed.service.name}: {name}"
            for each in readings
            for name, wanted in each.doubt.sealed.secrets.items()
            if each.secrets[name] != wanted
        }
    )
    found = f"not the same: {', '.join(unlike)}" if unlike else "the same"
    message = f"what runs was made with another key, so that its secrets were compared by reading them: {found}"
    if denied:
        message += f"; files were not to be read and are taken for unchanged ({denied})"
    return Event(now, "SecretsCompared", message, "warning" if denied else "info", journal.environment)
