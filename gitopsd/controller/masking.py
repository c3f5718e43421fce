"""Secret values that come back from outside, in log lines, checks and errors, are hidden before anything is kept.

What gitopsd itself writes names fields and never their values. What a container, an engine or a registry says may hold
anything that it was given, so there the values are looked for: as they are, line by line, and in the forms that values
take in messages (base64, also within a longer one, URL, JSON, HTML).
"""

import html
import json
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote, quote_plus

from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentMount, DesiredState, Service
from gitopsd.model.live import Instance, LiveState

HIDDEN = "(hidden)"
SHORTEST = 4  # shorter values occur everywhere: hiding them would leave nothing to read, and tell what they are
SHORTEST_CODED = 8  # of base64, of which short pieces are words


class Secrecy:
    """The secret values of one environment that this process has met: also old ones, which old containers still say.

    Any thread may call it.
    """

    def __init__(self) -> None:
        self._forms: frozenset[str] = frozenset()
        self._longest_first: tuple[str, ...] = ()
        self._met: set[str] = set()
        self._learning = threading.Lock()

    def learn_state(self, desired: DesiredState, variables: Mapping[str, str]) -> None:
        """Every value in the state's hidden fields and secret files, and the host's variables that went into them."""
        found = [text for service in desired.services.values() for text in _texts(service)]
        parts = [value for value in variables.values() if any(value in text for text in found)]
        self.learn([*found, *parts])

    def meet(self, names: Iterable[str]) -> None:
        """Note fingerprints, or containers, whose values are known."""
        self._met |= set(names)

    def has_met(self, name: str) -> bool:
        return name in self._met

    def learn(self, values: Iterable[Json]) -> None:
        found = {text.strip() for value in values for text in _strings(value)}
        forms = {form for text in found if len(text) >= SHORTEST for form in _forms(text)}
        with self._learning:
            if not forms <= self._forms:
                self._forms |= forms
                self._longest_first = tuple(sorted(self._forms, key=lambda form: (-len(form), form)))

    def masked(self, text: str) -> str:
        """The text without any of the values; the longest go first, as one may be part of another."""
        for form in self._longest_first:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text

    def masked_live(self, live: LiveState) -> LiveState:
        """The live state without secrets in what a health check or the engine said."""
        if not any(each.check_output or each.error for each in live.instances):
            return live
        return replace(live, instances=tuple(self._masked_instance(each) for each in live.instances))

    def _masked_instance(self, instance: Instance) -> Instance:
        if not instance.check_output and not instance.error:
            return instance
        said, error = self.masked(instance.check_output), self.masked(instance.error)
        return replace(instance, check_output=said, error=error)


def values_of(service: Service, fields: Mapping[str, Json]) -> Iterator[Json]:
    """What a container has in the fields that are hidden in its service, whatever release they are of."""
    for path in service.hidden:
        value: Json = fields
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else value
        yield value


def _texts(service: Service) -> Iterator[str]:
    for value in values_of(service, service.options):
        yield from _strings(value)
    for mount in service.mounts:
        if isinstance(mount, ContentMount) and mount.content.secret:
            for file in mount.content.files:
                yield file.data.decode(errors="replace")


def _strings(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _strings(each)
        case list() | tuple():
            for each in value:
                yield from _strings(each)


def _forms(value: str) -> Iterator[str]:
    """The value as it is, line by line, and as it stands in messages that quote or encode it."""
    yield value
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= SHORTEST)
    yield from (quote(value, safe=""), quote(value), quote_plus(value), html.escape(value))
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for coded in _base64(value.encode(errors="replace")):
        if len(coded) >= SHORTEST_CODED:
            yield from (coded, coded.replace("+", "-").replace("/", "_"))


def _base64(data: bytes) -> Iterator[str]:
    """What is the same of its base64 whatever stands before and after it, as the user does before a password."""
    for before, begin in ((0, 0), (1, 2), (2, 3)):
        coded = b64encode(bytes(before) + data).decode()
        yield coded[begin : (before + len(data)) * 8 // 6]
