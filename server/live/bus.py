"""Session S is at number N (station 6): a doorbell that carries no content, and the only place that names channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Ring = Callable[[int], None]


class Bus(Protocol):
    def ring(self, line: int, number: int) -> None:
        """Tells everybody who listens that the line has reached `number`."""

    def listen(self, line: int, ring: Ring) -> None: ...

    def forget(self, line: int, ring: Ring) -> None: ...


class MemoryBus:
    """One process: a ring is a call."""

    def __init__(self) -> None:
        self._listening: dict[int, list[Ring]] = {}

    def ring(self, line: int, number: int) -> None:
        for ring in list(self._listening.get(line, ())):
            ring(number)

    def listen(self, line: int, ring: Ring) -> None:
        self._listening.setdefault(line, []).append(ring)

    def forget(self, line: int, ring: Ring) -> None:
        if ring in self._listening.get(line, []):
            self._listening[line].remove(ring)
