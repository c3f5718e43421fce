"""Streams of server-sent events: what happened, for programs, and that a page has changed, for browsers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from starlette.responses import StreamingResponse

from gitopsd.controller import shapes
from gitopsd.controller.ports import Store
from gitopsd.model.errors import GitopsdError
from gitopsd.model.event import Event
from gitopsd.web.access import Visitor, reading

LOOK_S = 0.5
QUIET_S = 15.0  # then a line says that the stream still lives, and that ages have grown
ALLOWED_FOR_S = 2.0  # then it is asked again whether the listener may still look
MOST_AT_ONCE = 500  # events
HEADERS = {"X-Accel-Buffering": "no"}  # a proxy that gathers lines would hold them back

streams = APIRouter()
Reader = Annotated[Visitor, Depends(reading)]
State = tuple[int, object]


class Hub:
    """One look at the store for all streams, made only while somebody listens.

    A state is the number of the last event, and what the statuses say. The events that came while somebody
    listened are remembered, as each stream would have to read them otherwise.
    """

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._changed = asyncio.Condition()
        self._listeners = 0
        self._ended = False
        self._lately: tuple[Event, ...] = ()
        self.state: State = (0, ())

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

    async def after(self, state: State) -> State:
        """The state, as soon as it is another than this one, or after a quiet while; ends with the server."""
        self._listeners += 1
        try:
            async with self._changed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait_for(lambda: self.state != state), QUIET_S)
                return self.state
        finally:
            self._listeners -= 1

    def since(self, number: int) -> tuple[Event, ...] | None:
        """What came after an event, at most MOST_AT_ONCE; None where only the store knows."""
        if number == self.state[0]:
            return ()
        known = number < self.state[0] and self._lately and self._lately[0].number <= number + 1
        return tuple(each for each in self._lately if each.number > number) if known else None

    @property
    def ended(self) -> bool:
        return self._ended

    async def _watch(self) -> None:
        while True:
            if self._listeners:
                with suppress(GitopsdError):
                    found, came = await asyncio.to_thread(self._look)
                    if found != self.state:
                        async with self._changed:
                            self.state, self._lately = found, (*self._lately, *came)[-MOST_AT_ONCE:]
                            self._changed.notify_all()
            await asyncio.sleep(LOOK_S)

    def _look(self) -> tuple[State, tuple[Event, ...]]:
        store, last = self._store(), self.state[0]
        came = store.events(last, limit=MOST_AT_ONCE, newest=True)
        return (came[-1].number if came else last, (store.statuses(), store.repositories())), came


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
    now = asyncio.get_running_loop().time
    asked = now()
    async for line in lines:
        if now() - asked > ALLOWED_FOR_S:
            asked = now()
            if not await asyncio.to_thread(_may_look, request):
                return
        yield line


def _may_look(request: Request) -> bool:
    try:
        reading(request)
    except HTTPException:
        return False
    return True


async def _changes(hub: Hub) -> AsyncIterator[str]:
    """The first one comes at once: what has changed between the page and its stream is known to neither."""
    state = hub.state
    yield "retry: 2000\n\n"
    while not hub.ended:
        yield f"event: changed\ndata: {state[0]}\n\n"
        state = await hub.after(state)


async def _happened(hub: Hub, store: Store, begin: int | None, environment: str) -> AsyncIterator[str]:
    """Without a number to begin after, what is new from now on."""
    state: State = (-1, ())
    if begin is None:
        last = await asyncio.to_thread(store.events, limit=1, newest=True)
        begin = last[0].number if last else 0
    yield "retry: 2000\n\n"
    while not hub.ended:
        found = hub.since(begin)
        if found is None:
            found = await asyncio.to_thread(store.events, begin, limit=MOST_AT_ONCE)
        wanted = [each for each in found if environment in ("", each.environment)]
        for event in wanted:
            yield f"id: {event.number}\nevent: {event.reason}\ndata: {json.dumps(shapes.event(event))}\n\n"
        begin = found[-1].number if found else begin
        if len(found) < MOST_AT_ONCE:
            state = await hub.after(state)
            if not wanted:
                yield ": still here\n\n"
