"""Streams of server-sent events: what happened, for programs, and that a page has changed, for browsers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from starlette.responses import StreamingResponse

from gitopsd.controller import shapes
from gitopsd.controller.ports import Store
from gitopsd.model.errors import GitopsdError
from gitopsd.model.event import Event
from gitopsd.web.access import Visitor, reading, shown

LOOK_S = 0.5
QUIET_S = 15.0  # then a line says that the stream still lives, and that ages have grown
ALLOWED_FOR_S = 2.0  # then it is asked again whether the listener may still look
MOST_AT_ONCE = 500  # events
HEADERS = {"X-Accel-Buffering": "no"}  # a proxy that gathers lines would hold them back

streams = APIRouter()
Reader = Annotated[Visitor, Depends(reading)]


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it is sent."""

    number: int
    environment: str
    text: str


class Hub:
    """One look at the store for all streams, made only while somebody listens; one wake for all when it finds news.

    `turn` counts what was found. The events that came while somebody listened are kept as they are sent, as each stream
    would have to read them and write them out otherwise; `last` is the number of the last one.
    """

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._news = asyncio.Event()
        self._listeners = 0
        self._ended = False
        self._standing: object = ()
        self._lately: tuple[Line, ...] = ()
        self.turn = self.last = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._ended = True
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def after(self, turn: int) -> int:
        """The turn, as soon as it is another than this one, or after a quiet while; ends with the server."""
        self._listeners += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    while self.turn == turn:
                        await self._news.wait()
            return self.turn
        finally:
            self._listeners -= 1

    def since(self, number: int) -> tuple[Line, ...] | None:
        """What came after an event, at most MOST_AT_ONCE; None where only the store knows."""
        if number == self.last:
            return ()
        known = number < self.last and self._lately and self._lately[0].number <= number + 1
        return tuple(each for each in self._lately if each.number > number) if known else None

    @property
    def ended(self) -> bool:
        return self._ended

    async def _watch(self) -> None:
        while True:
            if self._listeners:
                with suppress(GitopsdError):
                    came, standing = await asyncio.to_thread(self._look)
                    if came or standing != self._standing:
                        self._turn_to(came, standing)
            await asyncio.sleep(LOOK_S)

    def _turn_to(self, came: tuple[Line, ...], standing: object) -> None:
        self._lately = (*self._lately, *came)[-MOST_AT_ONCE:]
        self.last = came[-1].number if came else self.last
        self._standing, self.turn = standing, self.turn + 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _look(self) -> tuple[tuple[Line, ...], object]:
        """The events that came, and how everything stands."""
        store = self._store()
        came = store.events(self.last, limit=MOST_AT_ONCE, newest=True)
        return tuple(map(_line, came)), (store.statuses(), store.repositories())


def _line(event: Event) -> Line:
    told = f"id: {event.number}\nevent: {event.reason}\ndata: {json.dumps(shapes.event(event))}\n\n"
    return Line(event.number, event.environment, told)


class Admission:
    """Whether listeners may look still: asked once for all who show the same, and at most every ALLOWED_FOR_S."""

    def __init__(self) -> None:
        self._asked: dict[object, tuple[float, asyncio.Task[bool]]] = {}

    async def holds(self, request: Request) -> bool:
        shows, now = shown(request), asyncio.get_running_loop().time()
        if shows not in self._asked or now - self._asked[shows][0] > ALLOWED_FOR_S:
            self._asked = {key: each for key, each in self._asked.items() if now - each[0] <= ALLOWED_FOR_S}
            self._asked[shows] = now, asyncio.create_task(asyncio.to_thread(_may_look, request))
        return await asyncio.shield(self._asked[shows][1])  # a listener that goes takes the answer from nobody


def _may_look(request: Request) -> bool:
    try:
        reading(request)
    except (HTTPException, GitopsdError):
        return False
    return True


@streams.get("/live", include_in_schema=False)
async def live(request: Request, visitor: Reader) -> StreamingResponse:
    """`changed` as often as there is something new to show, and now and then, as ages grow."""
    hub: Hub = request.app.state.hub
    return _stream(request, _changes(hub))


@streams.get(
    "/api/v1/events/stream",
    summary="What happens, as server-sent events; goes on after Last-Event-ID",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(
    request: Request,
    visitor: Reader,
    after: Annotated[int | None, Query(ge=0, le=2**53, description="Begin after the event of this number.")] = None,
    environment: Annotated[str, Query(max_length=255, description="Of this environment alone.")] = "",
    last_event_id: Annotated[str, Header(max_length=30)] = "",
) -> StreamingResponse:
    hub: Hub = request.app.state.hub
    store = request.app.state.asking.view().store
    known = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 15
    begin = int(last_event_id) if known else after
    return _stream(request, _happened(hub, store, begin, environment))


def _stream(request: Request, lines: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(_while_allowed(request, lines), media_type="text/event-stream", headers=HEADERS)


async def _while_allowed(request: Request, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """A token that is revoked, or a session that is over, ends what was opened with it."""
    admission: Admission = request.app.state.admission
    async for line in lines:
        if not await admission.holds(request):
            return
        yield line


async def _changes(hub: Hub) -> AsyncIterator[str]:
    """The first one comes at once: what has changed between the page and its stream is known to neither."""
    turn = hub.turn
    yield "retry: 2000\n\n"
    while not hub.ended:
        yield f"event: changed\ndata: {hub.last}\n\n"
        turn = await hub.after(turn)


async def _happened(hub: Hub, store: Store, begin: int | None, environment: str) -> AsyncIterator[str]:
    """Without a number to begin after, what is new from now on."""
    turn = -1
    if begin is None:
        last = await asyncio.to_thread(store.events, limit=1, newest=True)
        begin = last[0].number if last else 0
    yield "retry: 2000\n\n"
    while not hub.ended:
        found = hub.since(begin)
        if found is None:
            found = await asyncio.to_thread(_stored, store, begin)
        wanted = [each for each in found if environment in ("", each.environment)]
        for line in wanted:
            yield line.text
        begin = found[-1].number if found else begin
        if len(found) < MOST_AT_ONCE:
            turn = await hub.after(turn)
            if not wanted:
                yield ": still here\n\n"


def _stored(store: Store, begin: int) -> tuple[Line, ...]:
    return tuple(map(_line, store.events(begin, limit=MOST_AT_ONCE)))
