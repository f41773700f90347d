"""Who, now, fresh ids, chance: the only reader of the clock and of chance (station 3)."""

from __future__ import annotations

import secrets
import time

import structlog

log = structlog.get_logger("moment")

#: A laptop's clock may drift; a difference above this is a jump (a person set the clock, the lid was closed).
JUMP_MS = 1_000


class Clock:
    """Wall time at the start of the process plus monotonic time since, in whole milliseconds since 1970-01-01 UTC.

    A jump of the laptop's clock therefore neither shortens nor stretches a round (promise G10).
    """

    def __init__(self) -> None:
        self._base = 0
        self.set_again()

    def set_again(self) -> None:
        """Reads the base anew; only while no round runs in any session, so that times in exports do not stay wrong."""
        self._base = time.time_ns() // 1_000_000 - time.monotonic_ns() // 1_000_000

    def now(self) -> int:
        return self._base + time.monotonic_ns() // 1_000_000

    def jumped(self) -> int:
        """How far the laptop's clock has moved away from ours, in milliseconds; 0 when it is within a second."""
        away = time.time_ns() // 1_000_000 - self.now()
        return away if abs(away) > JUMP_MS else 0


_drawn: list[str] = []


def fresh() -> str:
    """128 bits of chance as 32 hex signs, drawn many at a time: asking the system costs more than cutting."""
    try:
        return _drawn.pop()
    except IndexError:
        hexes = secrets.token_hex(16 * 64)
        _drawn.extend(hexes[start : start + 32] for start in range(32, len(hexes), 32))
        return hexes[:32]


def draw(below: int) -> int:
    """A number from 0 to below - 1, from the system's own source of chance."""
    return secrets.randbelow(below)


def spread() -> float:
    """A fraction from 0 to 1 for jitter."""
    return secrets.randbelow(1 << 20) / (1 << 20)
