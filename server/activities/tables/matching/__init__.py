"""Who sits where: reading, searching, checking and reporting; pure, and light to import in a process of its own."""

from .breaches import broken
from .event import Event, Pair, Person, Table, Unusable, Weights, digest, pair, read
from .late import Seat, change, seat_for
from .report import objective, people, report, totals, warnings, why
from .search import Found, search, sliced
from .value import at_tables, bound, cost, parts

__all__ = [
    "Event",
    "Found",
    "Pair",
    "Person",
    "Seat",
    "Table",
    "Unusable",
    "Weights",
    "at_tables",
    "bound",
    "broken",
    "change",
    "cost",
    "digest",
    "objective",
    "pair",
    "parts",
    "people",
    "read",
    "report",
    "search",
    "seat_for",
    "sliced",
    "totals",
    "warnings",
    "why",
]
