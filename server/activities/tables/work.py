"""The search off the line: in a process of its own, so that nobody in the room waits while it counts.

Where processes are forbidden it runs in a thread, in slices, and the room stays awake all the same. The child imports
the pure search and nothing of the web.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from . import matching

if TYPE_CHECKING:
    from .rules import State

#: Seconds after which the best seating so far is taken, for rooms up to `LARGE` people and above; a slow machine's limit.
STOP, STOP_LARGE, LARGE = 15.0, 30.0, 200
#: Seconds that a thread gives the others between two slices.
BREATH = 0.001


def found(data: Mapping[str, Any], limit: float | None = None, breath: float = 0.0) -> dict[str, Any]:
    """{"assignment","engine"} of an input that can be read; runs to its end where it was called.

    limit: seconds until the best one so far is taken. Raises matching.Unusable.
    """
    event = matching.read(data)
    began = time.perf_counter()

    def stopped() -> bool:
        if breath:
            time.sleep(breath)
        return limit is not None and time.perf_counter() - began > limit

    found = matching.search(event, stopped)
    engine = {
        "name": "swaps",
        "steps": event.steps,
        "seeds": found.beginnings,
        "stopped": found.stopped,
        "seconds": round(time.perf_counter() - began, 2),
    }
    return {"assignment": found.assignment, "engine": engine}


# -- the child


def _begin() -> None:
    """In the child: Ctrl-C belongs to the server, and a child whose server was killed does not stay behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(0)

        threading.Thread(target=follow, daemon=True).start()


def _ready() -> int:
    return os.getpid()


def _warn(what: str, why: object) -> None:
    # Imported here, because the child imports this file too and has nothing to log.
    import structlog

    structlog.get_logger("tables").warning(what, why=str(why) or type(why).__name__)


@contextlib.contextmanager
def _bare_main() -> Iterator[None]:
    """While a process starts, the program that runs has no file: a child of spawn would read and run it first.

    The search needs nothing of it, and a program without a guard would begin once more in the child.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


_pool: Executor | None = None
_forbidden = False


def _started() -> Executor | None:
    """The pool of one worker; None where this machine lets no process start."""
    global _pool, _forbidden
    if _pool is None and not _forbidden:
        try:
            # Never a fork: a copied server holds locks that its threads will not give back.
            spawn = multiprocessing.get_context("spawn")
            _pool = ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_begin)
            with _bare_main():
                _pool.submit(_ready)
        except (OSError, ImportError, NotImplementedError, RuntimeError, ValueError) as error:
            _pool, _forbidden = None, True
            _warn("no process for the tables; a thread does it", error)
    return _pool


async def warm() -> None:
    """Starts the child, so that the first seating does not wait for it. Called when a stage of tables opens."""
    pool = _started()
    if pool is not None:
        try:
            await asyncio.get_running_loop().run_in_executor(pool, _ready)
        except (BrokenProcessPool, OSError, RuntimeError) as error:
            _give_up(error)


def close() -> None:
    """Ends the child; what it was counting is forgotten."""
    global _pool
    pool, _pool = _pool, None
    if pool is not None:
        pool.shutdown(wait=False, cancel_futures=True)


def _give_up(error: BaseException) -> None:
    global _forbidden
    _forbidden = True
    with contextlib.suppress(Exception):
        close()
    _warn("the tables' process ended; a thread does it from now on", error)


async def searched(data: Mapping[str, Any]) -> dict[str, Any]:
    """`found`, in the child or in a thread. Raises matching.Unusable."""
    limit = STOP if len(data["people"]) <= LARGE else STOP_LARGE
    pool = _started()
    if pool is not None:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, found, dict(data), limit)
        except (BrokenProcessPool, OSError, RuntimeError) as error:
            _give_up(error)
    return await asyncio.to_thread(found, data, limit, BREATH)


# -- what the house calls


async def seating(snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The ask that offers a seating. snapshot: the input of MATCHING 8. Raises matching.Unusable."""
    done = await searched(snapshot)
    offer = {"input": matching.digest(snapshot), "assignment": done["assignment"], "engine": done["engine"]}
    return "offer_seating", offer


def moves(state: State, of: str | None = None) -> dict[str, Any] | None:
    """What moving a person would change, see `rules.moves`."""
    from . import rules

    return rules.moves(state, of or "")


#: By the first part of a work's key: what the house runs, from a snapshot to an ask.
RUNS: Mapping[str, Callable[[dict[str, Any]], Awaitable[tuple[str, dict[str, Any]]]]] = MappingProxyType(
    {"seating": seating}
)
#: By name in the address: `/api/sessions/{code}/stages/{stage}/look/{name}?of=...`.
LOOKS: Mapping[str, Callable[[State, str | None], Any]] = MappingProxyType({"moves": moves})
