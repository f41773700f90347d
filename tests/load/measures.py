"""What is measured, the same way for every server: one thing to many sockets, many asks to one server."""

import asyncio
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.load.client import OnText, Socket

# Seconds a whole crowd may take before a measurement is given up. Far above every target, so that a miss is still a figure.
LIMIT = 60.0

Match = Callable[[Socket, bytes], bool]
Wrap = Callable[[OnText], OnText]


class NotMeasured(RuntimeError):
    """A figure could not be taken; the text says what did not come."""


def as_is(then: OnText) -> OnText:
    return then


@contextmanager
def no_collector() -> Iterator[None]:
    """A garbage collection over thousands of sockets on the measuring side would show up as the server's slowness."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class Watch:
    """Notes for each of some sockets when the first frame came that `match` accepts."""

    def __init__(self, sockets: Sequence[Socket], match: Match, wrap: Wrap = as_is) -> None:
        self._match = match
        self._left = len(sockets)
        self._sockets = sockets
        self._all_seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last = b""
        heard = wrap(self._heard)
        for socket in sockets:
            socket.seen_at = 0
            socket.bytes_down = 0
            socket.frames_down = 0
            socket.on_text = heard

    def _heard(self, socket: Socket, payload: bytes, at: int) -> None:
        if socket.seen_at:
            return
        try:
            wanted = self._match(socket, payload)
        except NotMeasured as reason:
            # Raised here it would only end this one connection; the measurement has to end.
            if not self._all_seen.done():
                self._all_seen.set_exception(reason)
            return
        if not wanted:
            self._last = payload
            return
        socket.seen_at = at
        self._left -= 1
        if not self._left and not self._all_seen.done():
            self._all_seen.set_result(None)

    def fail_with(self, receipt: "asyncio.Future[int]") -> None:
        """End the waiting with the reason when the ask that should cause it is refused."""
        if not receipt.cancelled() and (reason := receipt.exception()) is not None and not self._all_seen.done():
            self._all_seen.set_exception(reason)

    async def all_seen(self, what: str) -> None:
        """Raises NotMeasured when a socket is still waiting after LIMIT."""
        try:
            async with asyncio.timeout(LIMIT):
                await self._all_seen
        except TimeoutError:
            closed = sum(socket.closed for socket in self._sockets)
            raise NotMeasured(
                f"{what}: {self._left} of {len(self._sockets)} sockets still waiting after {LIMIT:.0f} s, {closed} closed; "
                f"last other frame: {self._last[:400].decode(errors='replace')}"
            ) from None


@dataclass(slots=True)
class Broadcast:
    """`ms` from firing to the last socket, `size` = bytes of text a socket got on the way (median), `frames` likewise."""

    ms: float
    size: int
    frames: float


async def broadcast(
    sockets: Sequence[Socket],
    fire: Callable[[], "asyncio.Future[int] | None"],
    match: Match,
    what: str,
    wrap: Wrap = as_is,
) -> Broadcast:
    """From one ask of the host until the last socket has what follows from it; `fire` may give the future of its receipt."""
    watch = Watch(sockets, match, wrap)
    with no_collector():
        fired = time.perf_counter_ns()
        receipt = fire()
        if receipt is not None:
            receipt.add_done_callback(watch.fail_with)
        await watch.all_seen(what)
    last = max(socket.seen_at for socket in sockets)
    size = statistics.median_high(socket.bytes_down for socket in sockets)
    return Broadcast((last - fired) / 1e6, size, statistics.median(socket.frames_down for socket in sockets))


@dataclass(slots=True)
class Latencies:
    """Milliseconds from sending to receipt over all sockets."""

    p50: float
    p95: float
    p99: float
    worst: float


def latencies(values_ms: Sequence[float]) -> Latencies:
    ordered = sorted(values_ms)

    def at(share: float) -> float:
        # The smallest value that at least this share of the sockets did not exceed.
        return ordered[max(0, math.ceil(len(ordered) * share) - 1)]

    return Latencies(at(0.50), at(0.95), at(0.99), ordered[-1])


async def spread(
    sockets: Sequence[Socket], frames: Sequence[bytes], match: Match, seconds: float, what: str, wrap: Wrap = as_is
) -> Latencies:
    """Every socket sends its own frame once, evenly over `seconds`, and waits for its receipt."""
    watch = Watch(sockets, match, wrap)
    count = len(sockets)
    with no_collector():
        began = time.perf_counter_ns()
        step = seconds * 1e9 / count
        sent = 0
        while sent < count:
            now = time.perf_counter_ns()
            while sent < count and began + sent * step <= now:
                sockets[sent].sent_at = time.perf_counter_ns()
                sockets[sent].write(frames[sent])
                sent += 1
            # Half a step at most, else the asks would go out in clumps of the timer's size.
            await asyncio.sleep(min(0.001, step / 2e9))
        await watch.all_seen(what)
    return latencies([(socket.seen_at - socket.sent_at) / 1e6 for socket in sockets])


async def instant(
    sockets: Sequence[Socket], frames: Sequence[bytes], match: Match, what: str, wrap: Wrap = as_is
) -> float:
    """Answers per second when every socket sends its frame at once: sockets / (first send to last receipt)."""
    watch = Watch(sockets, match, wrap)
    with no_collector():
        began = time.perf_counter_ns()
        for socket, frame in zip(sockets, frames, strict=True):
            socket.write(frame)
        await watch.all_seen(what)
    return len(sockets) / ((max(socket.seen_at for socket in sockets) - began) / 1e9)


async def quiet(sockets: Sequence[Socket], still: float = 0.4, limit: float = 15.0) -> None:
    """Return when no text came down any socket for `still` seconds, or after `limit` seconds whatever comes."""
    until = time.monotonic() + limit
    before = -1
    while time.monotonic() < until:
        now = sum(socket.frames_down for socket in sockets)
        if now == before:
            return
        before = now
        await asyncio.sleep(still)
