"""The rules of a stage of policy ideas: writing them together, backing a version, publishing (DOMAIN 1, 2, 10, 11).

What an idea is, and what may become of it, are the rules of ideas themselves, which a path has too (`contract/idea`).
Here stand who writes at which table, what the drafts of a board become, and what each screen is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..contract import AFact, AnAsk, Happening, Moment, Refusal
from ..contract.idea import rules as ideas
from ..contract.idea.messages import FieldSettled, IdeaEdited, IdeaMade, IdeaMoved, NewIdea
from ..contract.idea.state import standing_of
from ..contract.rehearse import Draws, some_day
from .leading import lead
from .messages import IdeaOpened, IdeaShown, OpenIdea, ShowIdea, own_fact, plain_fact
from .shown import mine, view
from .state import TAKES, State, context_of, opened, start

__all__ = [
    "TAKES", "State", "answered", "decide", "evolve", "lead", "mine", "opened", "outcomes", "rehearse", "scope", "start",
    "view",
]  # fmt: skip

#: Ideas that one table, or one person where there are no tables, may begin beside the drafts.
BEGUN = 10


def scope(state: State, ask: AnAsk) -> str | None:
    return None


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    match ask:
        case ShowIdea() | OpenIdea() if moment.actor not in ask.by:
            return Refusal("not_for_you")
        case ShowIdea() | OpenIdea() if ask.idea is not None and ask.idea not in state.ideas.ideas:
            return Refusal("unknown_idea")
        case ShowIdea():
            return [] if ask.idea == state.shown else [IdeaShown(idea=ask.idea)]
        case OpenIdea():
            return [] if ask.idea == state.opened else [IdeaOpened(idea=ask.idea)]
        case NewIdea() if (refused := _too_many(state, moment)) is not None:
            return refused
    about = state.ideas.ideas.get(getattr(ask, "idea", ""))
    decided = ideas.decide(state.ideas, ask, moment, context_of(state, about))
    return decided if isinstance(decided, Refusal) else [own_fact(fact) for fact in decided]


def _too_many(state: State, moment: Moment) -> Refusal | None:
    known = state.ideas.ideas
    if len(known) >= state.setup.ideas_max:
        return Refusal("too_many_ideas", details={"most": state.setup.ideas_max})
    if moment.actor != "phone":
        return None
    if state.ideas.context.editors == "table" and moment.table is None:
        # An idea of no table would be one person's alone.
        return Refusal("table_first")
    if state.setup.per == "table" and moment.table is not None:
        begun = sum(idea.table == moment.table for idea in known.values())
    else:
        begun = sum(idea.created_by == moment.voter for idea in known.values())
    return Refusal("too_many_ideas", details={"most": BEGUN}) if begun >= BEGUN else None


def evolve(state: State, happened: Happening) -> State:
    fact = happened.fact
    if isinstance(fact, IdeaShown):
        return replace(state, shown=fact.idea)
    if isinstance(fact, IdeaOpened):
        return replace(state, opened=fact.idea)
    wrote = state.wrote
    if isinstance(fact, (IdeaMade, IdeaEdited, FieldSettled)) and happened.voter is not None:
        wrote = {**wrote, happened.voter: happened.group}
    found = ideas.evolve(state.ideas, happened._replace(fact=plain_fact(fact)))
    state = replace(state, ideas=found, wrote=wrote)
    if isinstance(fact, IdeaMoved) and fact.to == "review" and state.opened == fact.idea:
        # Its text stands still: the desk has the list before it again, where it is published.
        state = replace(state, opened=None)
    return state


def outcomes(state: State) -> list[dict[str, Any]]:
    """One {"kind": "idea"} for each idea, see `contract/idea/left.py`."""
    return ideas.outcomes(state.ideas)


def answered(state: State) -> dict[str, Any]:
    """{"answered","by_group","voters","taking"}: who backed an idea while one is in review, else who wrote.

    taking: whether the room is waited for.
    """
    reviewed = [idea for idea in state.ideas.ideas.values() if idea.state == "review"]
    if reviewed:
        whose = {
            voter: one.group
            for idea in reviewed
            for counted in [standing_of(idea)[0]]
            for voter, one in idea.endorsements.items()
            if one in counted
        }
    else:
        whose = dict(state.wrote)
    groups: dict[str, int] = {}
    for group in whose.values():
        if group is not None:
            groups[group] = groups.get(group, 0) + 1
    return {
        "answered": len(whose),
        "by_group": dict(sorted(groups.items())),
        "voters": sorted(whose),
        "taking": bool(reviewed),
    }


# A simulated person

_LEVELS = ("support", "support", "support", "support_with_conditions", "support_with_conditions", "neutral", "object")


def rehearse(view: Mapping[str, Any], mine: Mapping[str, Any], seed: int, sample: Mapping[str, Any]) -> Any:
    """What a simulated person would ask, looking at this view: (do, with) or None.

    Ideas in review come first: they are backed, sometimes with a condition, and argued about. Then a field that their
    own idea lacks is written. sample: {"fields": {path: [values]}, "rows": {list: [rows]}, "conditions", "reasons",
    "arguments": [texts]}.
    """
    draws = Draws(seed)
    reviewed = [row for row in view.get("ideas", ()) if row.get("endorsable") and row["state"] == "review"]
    open_ = [row for row in reviewed if _open_for(row, mine)]
    if open_:
        return _backs(draws.one(open_), draws, sample)
    if reviewed and sample.get("arguments") and draws.below(8) == 0 and len(mine.get("arguments", ())) < 2:
        row = draws.one(reviewed)
        text = draws.one(sample["arguments"])
        side = draws.one(("for", "against"))
        return "argue", {"idea": row["idea"], "argument": _fresh(draws), "side": side, "text": text}
    cards = list(mine.get("cards", ()))
    if not cards:
        return (
            ("new_idea", {"idea": _fresh(draws)}) if mine.get("begins") and not reviewed and not view["ideas"] else None
        )
    return _writes(draws.one(cards), draws, sample)


def _open_for(row: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    own = mine.get("endorsed", {}).get(row["idea"])
    return own is None or own["standing"] != "counts"


def _backs(row: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Any:
    level = draws.one(_LEVELS)
    what: dict[str, Any] = {"idea": row["idea"], "version": row["version"], "level": level}
    if level == "support_with_conditions":
        text = draws.one(sample.get("conditions") or ["Con un bilancio pubblico"])
        what["conditions"] = [{"text": text, "degree": draws.one(("must", "should"))}]
    if level == "object":
        what["reason"] = draws.one(sample.get("reasons") or ["Mancano le persone che se ne occupano"])
    return "endorse", what


def _writes(card: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Any:
    if draws.below(3) == 0:
        return None
    lacking = {one["field"].partition("/")[0]: one for one in card["missing"]}
    texts = sample.get("fields", {})
    lists = {name: [_dated(row, draws, sample) for row in rows] for name, rows in sample.get("rows", {}).items()}
    for one in card["missing"]:
        mended = _mends(card, one["field"], one["rule"], lists)
        if mended is not None:
            return mended
    wanted = [name for name in (*texts, *lists) if name in lacking]
    if not wanted:
        return None
    name = draws.one(wanted)
    if name in texts:
        version = card["versions"].get(name, 0)
        return "edit_idea", {"idea": card["idea"], "base": {name: version}, "set": {name: draws.one(texts[name])}}
    said = [row.get("name") or row.get("text") for path, row in card["fields"].items() if path.startswith(f"{name}/")]
    new = [row for row in lists[name] if (row.get("name") or row.get("text")) not in said]
    if not new:
        return None
    return "edit_idea", {"idea": card["idea"], "base": {}, "set": {f"{name}/{_fresh(draws)}": draws.one(new)}}


def _dated(row: Mapping[str, Any], draws: Draws, sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with a month that is soon, where the row has one at all."""
    return {**row, "due": (some_day(draws, sample) or row["due"])[:7]} if "due" in row else row


def _mends(card: Mapping[str, Any], path: str, rule: str, lists: Mapping[str, Any]) -> Any:
    """Fills what a row lacks from the sample's row of the same list, and settles what was written twice."""
    if rule == "two_wordings":
        return "settle_field", {"idea": card["idea"], "field": path, "keep": "theirs"}
    rows = {of: row for of, row in card["fields"].items() if of.startswith(f"{path.partition('/')[0]}/")}
    if rule == "lead_several":
        path = [of for of, row in rows.items() if row.get("role") == "lead"][-1]
        more: Mapping[str, Any] = {"role": "provider"}
    elif rule == "next_step_owner_date" and rows:
        path = next(iter(rows))
        more = {name: lists["next_steps"][0][name] for name in ("owner", "due")} if "next_steps" in lists else {}
    elif "/" in path and lists.get(path.partition("/")[0]):
        more = {
            name: value for name, value in lists[path.partition("/")[0]][0].items() if name not in rows.get(path, {})
        }
    else:
        return None
    if not more or path not in rows:
        return None
    base = {path: card["versions"].get(path, 0)}
    return "edit_idea", {"idea": card["idea"], "base": base, "set": {path: {**rows[path], **more}}}


def _fresh(draws: Draws) -> str:
    return "".join(draws.one("0123456789abcdef") for _ in range(16))
