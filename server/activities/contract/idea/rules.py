"""A collection of policy ideas: what may be asked, what then happened, and what is shown and left of it."""

from .deciding import decide
from .evolving import evolve
from .provenance import provenance
from .showing import intact, mine, outcome, outcomes, published_view, reading, schema, shown, view
from .state import Context, Idea, Ideas, canonical, day_of, digest, may_edit, start, with_context

__all__ = [
    "Context", "Idea", "Ideas", "canonical", "day_of", "decide", "digest", "evolve", "intact", "may_edit", "mine",
    "outcome", "outcomes", "provenance", "published_view", "reading", "schema", "shown", "start", "view",
    "with_context",
]  # fmt: skip
