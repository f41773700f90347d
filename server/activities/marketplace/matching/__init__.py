"""Who visits which stall in which round: the pure part, without any solver (MATCHING 2 to 4, 7, 10).

`read` gives the event of an input; `value`, `broken` and `order` judge any plan; `greedy` and `plan_without_solver` make
one; `reported` tells it as a document; `why` and `foreseen` explain. `work.plans` makes the best plans, with a solver.
"""

from .breaches import broken, minimums, order
from .event import Assignment, Event, Market, Unusable, digest, read
from .first_come import greedy
from .foresight import foreseen
from .objective import Parts, value
from .planning import plan_without_solver
from .reasons import why
from .report import Told, reported

__all__ = [
    "Assignment",
    "Event",
    "Market",
    "Parts",
    "Told",
    "Unusable",
    "broken",
    "digest",
    "foreseen",
    "greedy",
    "minimums",
    "order",
    "plan_without_solver",
    "read",
    "reported",
    "value",
    "why",
]
