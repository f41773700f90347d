"""Who is here: from open sockets, never stored."""

from __future__ import annotations

from collections.abc import Iterable

#: A phone that locks loses its socket; its person keeps the seat in "18 of 24" for this long.
SEAT_MS = 90_000


class Presence:
    """People of one room. Times are milliseconds of the room's clock."""

    def __init__(self) -> None:
        self._sockets: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def came(self, person: str) -> bool:
        """Counts one more socket; True when the person was away."""
        away = person not in self._sockets
        self._sockets[person] = self._sockets.get(person, 0) + 1
        self._left.pop(person, None)
        return away

    def went(self, person: str, now: int) -> bool:
        """Counts one socket less; True when it was the person's last."""
        left = self._sockets.get(person, 0) - 1
        if left > 0:
            self._sockets[person] = left
            return False
        self._sockets.pop(person, None)
        self._left[person] = now
        return True

    def here(self, person: str) -> bool:
        return person in self._sockets

    def present(self, people: Iterable[str], now: int) -> int:
        """How many of these people are here, or left less than 90 seconds ago."""
        return sum(1 for one in people if one in self._sockets or now - self._left.get(one, -SEAT_MS) < SEAT_MS)

    def forget(self, now: int) -> bool:
        """Drops seats that ran out; True when there were any."""
        gone = [person for person, at in self._left.items() if now - at >= SEAT_MS]
        for person in gone:
            del self._left[person]
        return bool(gone)
