"""Which facts an ask leaves, or why it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..merge import tidy
from ..messages import AFact, AnAsk, Moment, Refusal
from . import endorsement, financing, messages
from .completeness import LIMITS
from .conflict import ChangedSince, TwoWordings, is_text, joined, settled
from .evolving import choice, differences, endorsement_in, with_status
from .fields import LEAVES, UnknownField, blank, form_of, leaf_of, read, rows_of, spread, type_of
from .lifecycle import ENDED, ENDORSED, OPEN, move_between
from .model import LONGEST, NextStep, Source, blank_text
from .provenance import provenance
from .state import (
    Context,
    Idea,
    Ideas,
    completeness_of,
    day_of,
    digest,
    for_organisers,
    is_link,
    may_edit,
    may_write,
    standing_of,
    tidied,
)  # fmt: skip

#: Second wordings of one field, rows of one list, links of one idea, readings of one indicator.
WORDINGS, ROWS, LINKS, READINGS = 5, 100, 1_000, 400
#: Arguments that one person may make about one idea.
ARGUMENTS = 20

Decided = list[AFact] | Refusal


def decide(state: Ideas, ask: AnAsk, moment: Moment, context: Context | None = None) -> Decided:
    """The facts that an ask leaves, none where things already are as it wants them, or why it is refused.

    context: instead of the state's own.
    """
    context = context or state.context
    if moment.actor not in ask.by:
        return Refusal("not_for_you")
    if isinstance(ask, messages.NewIdea):
        return _new(state, ask, moment, context)
    if isinstance(ask, messages.TakeInIdea):
        return _take_in(state, ask)
    decider = _DECIDERS.get(type(ask))
    if decider is None:
        return Refusal("unknown_ask")
    idea = state.ideas.get(getattr(ask, "idea", ""))
    if idea is None or (moment.actor == "phone" and for_organisers(idea)):
        # What only organisers may see is for all others as if it had never been.
        return Refusal("unknown_idea")
    return decider(_Asked(state, context, moment, idea), ask)


@dataclass(frozen=True, slots=True)
class _Asked:
    state: Ideas
    context: Context
    moment: Moment
    idea: Idea

    @property
    def editor(self) -> bool:
        return may_edit(self.context, self.idea, self.moment)

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.moment.sizes or self.context.sizes

    @property
    def day(self) -> str:
        moment = self.moment
        return day_of(moment.now)


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def _read(path: str, value: Any, moment: Moment) -> Any:
    """A value that somebody sent, checked; raises _Refused."""
    try:
        leaf_of(path)
    except UnknownField:
        raise _Refused(Refusal("unknown_field", details={"field": path})) from None
    if path == "confidentiality" and value == "public" and moment.actor == "phone":
        raise _Refused(Refusal("organisers_only", details={"field": path}))
    if value is None:
        return None
    try:
        return read(path, value, moment.language)
    except ValueError:
        code = "too_long" if _longest(value) > LONGEST else "bad_value"
        raise _Refused(Refusal(code, details={"field": path})) from None


def _longest(value: Any, depth: int = 0) -> int:
    if isinstance(value, str):
        return len(tidy(value).strip())
    if depth > 8 or not isinstance(value, (Mapping, list)):
        return 0
    return max(
        (_longest(one, depth + 1) for one in (value.values() if isinstance(value, Mapping) else value)), default=0
    )


def _check(leaves: Mapping[str, Any], changed: Iterable[str]) -> None:
    """What holds between rows; raises _Refused."""
    lists = {path.partition("/")[0]: True for path in changed if "/" in path}
    for name in lists:
        if sum(path.startswith(f"{name}/") for path in leaves) > ROWS:
            raise _Refused(Refusal("too_many", details={"field": name, "most": ROWS}))
    if "next_steps" in lists:
        steps = {row["uid"]: NextStep.model_validate(row) for row in rows_of(leaves, "next_steps")}
        held = financing.cycle(steps)
        if held:
            raise _Refused(Refusal("cycle", details={"field": f"next_steps/{held[0]}", "steps": held}))


def _origins(leaves: Mapping[str, Any], moment: Moment, known: Mapping[str, str]) -> dict[str, str]:
    """The language in which each text begins its life here."""
    found = {}
    for path, value in leaves.items():
        if path not in known:
            spoken = _languages(value)
            if spoken:
                found[path] = moment.language if moment.language in spoken else spoken[0]
    return found


def _languages(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    if value and all(re.fullmatch("[a-z]{2,3}", str(name)) and isinstance(one, str) for name, one in value.items()):
        return [] if {"min", "max"} & value.keys() else list(value)
    return next((spoken for one in value.values() if (spoken := _languages(one))), [])


def _new(state: Ideas, ask: messages.NewIdea, moment: Moment, context: Context) -> Decided:
    if ask.idea in state.ideas:
        return Refusal("exists")
    table = moment.table if moment.actor == "phone" else ask.table
    if moment.actor == "phone" and not may_write(
        context, table, moment.voter, moment.voter, moment.group, moment.table
    ):
        return Refusal("not_yours")
    try:
        leaves = {}
        for path, value in spread(ask.fields).items():
            kept = tidied(path, _read(path, value, moment))
            if kept is not None:
                leaves[path] = kept
        _check(leaves, leaves)
    except _Refused as refused:
        return refused.refusal
    for source in ask.sources:
        if not _a_field(source.field):
            return Refusal("unknown_field", details={"field": source.field})
    code = None
    if context.prefix:
        taken = [idea.code for idea in state.ideas.values()]
        n = len(taken) + 1
        while (code := f"{context.prefix}-{n:02d}") in taken:
            n += 1
    return [
        messages.IdeaMade(
            idea=ask.idea,
            code=code,
            state="seed" if ask.sources else "draft",
            fields=form_of(leaves),
            origin=_origins(leaves, moment, {}),
            sources=ask.sources,
            table=table,
            session=context.session,
            stage=context.stage,
        )
    ]


def _a_field(path: str) -> bool:
    """Whether a source may name this path: the idea as a whole, a leaf, or a list."""
    return path == "" or path.partition("/")[0] in LEAVES


def _take_in(state: Ideas, ask: messages.TakeInIdea) -> Decided:
    known = state.ideas.get(ask.outcome.idea)
    return [messages.IdeaTakenIn(idea=ask.outcome.idea, outcome=ask.outcome)] if known is None else Refusal("exists")


def _edit(asked: _Asked, ask: messages.EditIdea) -> Decided:
    idea = asked.idea
    if not asked.editor:
        return Refusal("not_yours")
    if idea.state not in OPEN:
        return Refusal("frozen", details={"state": idea.state})
    try:
        fact = _edited(asked, ask)
    except _Refused as refused:
        return refused.refusal
    if fact is None:
        return []
    begun = [messages.IdeaMoved(idea=idea.uid, was="seed", to="draft")] if idea.state == "seed" else []
    return [*begun, fact]


def _edited(asked: _Asked, ask: messages.EditIdea) -> messages.IdeaEdited | None:
    idea, moment = asked.idea, asked.moment
    after = dict(idea.fields)
    versions: dict[str, int] = {}
    merged: list[str] = []
    beside: dict[str, Any] = {}
    for path, sent in spread(ask.set).items():
        mine = _read(path, sent, moment)
        if path in LIMITS and isinstance(mine, Mapping) and any(len(words) > LIMITS[path] for words in mine.values()):
            raise _Refused(Refusal("too_long", details={"field": path, "most": LIMITS[path]}))
        current = idea.fields.get(path)
        try:
            value, was_merged = _join(idea, path, ask.base.get(path, 0), current, mine)
            value = None if value is None else tidied(path, read(path, value))
        except ChangedSince:
            raise _Refused(Refusal("changed_since", details={"field": path, "current": current})) from None
        except ValueError:
            raise _Refused(Refusal("too_many", details={"field": path})) from None
        except TwoWordings as apart:
            known = idea.variants.get(path, ())
            if all(apart.mine != one.value for one in known):
                if len(known) >= WORDINGS or blank(apart.mine):
                    raise _Refused(Refusal("changed_since", details={"field": path, "current": current})) from None
                beside[path] = apart.mine
            continue
        if value == current:
            continue
        versions[path] = idea.versions.get(path, 0) + 1
        if was_merged:
            merged.append(path)
        if value is None:
            after.pop(path, None)
        else:
            after[path] = value
    if not versions and not beside:
        return None
    _check(after, versions)
    changed = {path: after[path] for path in versions if path in after}
    parts, gone = differences(idea.fields, after, versions)
    return messages.IdeaEdited(
        idea=idea.uid,
        fields=form_of(parts),
        gone=gone,
        versions=versions,
        origin=_origins(changed, moment, idea.origin),
        merged=merged,
        beside=form_of(beside) if beside else None,
        variants={path: moment.id(nth) for nth, path in enumerate(beside)},
    )


def _join(idea: Idea, path: str, base: int, current: Any, mine: Any) -> tuple[Any, bool]:
    """Raises ChangedSince and TwoWordings."""
    kind, now = type_of(path), idea.versions.get(path, 0)
    longest = LIMITS.get(path, LONGEST)
    if base == now:
        return joined(kind, current, current, mine, longest)
    if base == 0:
        return joined(kind, None, current, mine, longest)
    for version, value in idea.kept.get(path, ()):
        if version == base:
            return joined(kind, value, current, mine, longest)
    if mine == current:
        return current, False
    if base > now or mine is None or current is None or not is_text(kind):
        raise ChangedSince
    # Too long ago to know what both began from: both stay.
    raise TwoWordings(settled(kind, mine))


def _settle(asked: _Asked, ask: messages.SettleField) -> Decided:
    idea = asked.idea
    if not asked.editor:
        return Refusal("not_yours")
    if idea.state not in OPEN:
        return Refusal("frozen", details={"state": idea.state})
    known = idea.variants.get(ask.field, ())
    chosen = next((one for one in known if ask.variant in (None, one.uid)), None)
    if chosen is None:
        return Refusal("unknown_variant")
    now = idea.versions.get(ask.field, 0)
    current = idea.fields.get(ask.field)
    if ask.base is not None and ask.base != now:
        return Refusal("changed_since", details={"field": ask.field, "current": current})
    changed = choice(idea, ask.field, chosen, ask.keep)
    for path, value in changed.items():
        try:
            read(path, value)
        except ValueError:
            return Refusal("too_long", details={"field": path})
        if path in LIMITS and any(len(words) > LIMITS[path] for words in value.values()):
            return Refusal("too_long", details={"field": path, "most": LIMITS[path]})
    try:
        _check({**idea.fields, **changed}, changed)
    except _Refused as refused:
        return refused.refusal
    return [
        messages.FieldSettled(
            idea=idea.uid,
            field=ask.field,
            variant=chosen.uid,
            keep=ask.keep,
        )
    ]


def _move(asked: _Asked, ask: messages.MoveIdea) -> Decided:
    idea = asked.idea
    move = move_between(idea.state, ask.to)
    if move is None:
        # A second press finds the idea where it wants it.
        return [] if idea.state == ask.to else Refusal("no_such_move", details={"was": idea.state, "to": ask.to})
    if not asked.editor if move.who == "editors" else asked.moment.actor != "desk":
        return Refusal("not_yours")
    refused = _GUARDS[move.guard](asked, ask)
    if refused is not None:
        return refused
    facts: list[AFact] = []
    if move.freezes:
        version = idea.version + 1
        whole = form_of(idea.fields)
        # The digest is made from what the fact holds, so that whoever has the fact can check it.
        made = digest(idea.uid, version, whole.model_dump(mode="json"))
        behind = provenance(idea.sources, asked.sizes)
        facts.append(messages.IdeaFrozen(idea=idea.uid, version=version, fields=whole, sha256=made, provenance=behind))
    says = {
        name: value for name in _SAYS.get(move.guard, ()) if (value := getattr(ask, name)) is not None and value != ""
    }
    return [*facts, messages.IdeaMoved(idea=idea.uid, was=idea.state, to=ask.to, **says)]


#: What a move keeps of its ask.
_SAYS: Mapping[str, tuple[str, ...]] = {
    "publishable": ("override",),
    "office": ("office", "date"),
    "withdrawal": ("reason", "explanation"),
    "merged_into": ("into",),
    "successor": ("into",),
}


def _no_guard(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    return None


def _card_complete(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    return _incomplete(completeness_of(asked.idea, "card", asked.context, asked.day))


def _incomplete(found: Mapping[str, Any], more: Sequence[Mapping[str, Any]] = ()) -> Refusal | None:
    missing = [*found["missing"], *more]
    if not missing:
        return None
    return Refusal("not_complete", details={"missing": missing, "met": found["met"], "required": found["required"]})


def _publishable(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    """Every rule of the form, and a backing in each group that is present, or a reason why not."""
    idea = asked.idea
    counted, _ = standing_of(idea)
    groups = [] if _said(ask.override) else endorsement.lacking(counted, asked.context.groups, asked.sizes)
    backing = [
        {"field": "endorsements", "rule": "endorsement_missing", **({"group": group} if group else {})}
        for group in groups
    ]
    found = completeness_of(idea, asked.context.form, asked.context, asked.day)
    if found["missing"]:
        return _incomplete(found, backing)
    return Refusal("not_endorsed", details={"missing": backing, "groups": groups}) if backing else None


def _said(text: str | None) -> bool:
    return bool(text and tidy(text).strip())


def _office(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    return None if _said(ask.office) and ask.date else Refusal("office_needed")


def _by_an_answer(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    return Refusal("answer_incomplete", details={"missing": ["decision", "text", "office", "date"]})


def _accepted(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    last = asked.idea.answers[-1][0].decision if asked.idea.answers else None
    return None if last in ("accepted", "accepted_in_part", "already_done") else Refusal("not_accepted")


def _with_a_reason(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    return None if ask.reason is not None and _said(ask.explanation) else Refusal("withdrawal_reason")


def _into_another(asked: _Asked, ask: messages.MoveIdea) -> Refusal | None:
    into = asked.state.ideas.get(ask.into or "")
    bad = into is None or into.uid == asked.idea.uid or into.state in ENDED
    return Refusal("bad_target") if bad else None


_GUARDS: Mapping[str, Callable[[_Asked, messages.MoveIdea], Refusal | None]] = {
    "none": _no_guard,
    "card_complete": _card_complete,
    "publishable": _publishable,
    "office": _office,
    "answer": _by_an_answer,
    "accepted": _accepted,
    "withdrawal": _with_a_reason,
    "merged_into": _into_another,
    "successor": _into_another,
}


def _merge(asked: _Asked, ask: messages.MergeIdeas) -> Decided:
    return _move(asked, messages.MoveIdea(idea=ask.idea, to="merged", into=ask.into))


def _answer(asked: _Asked, ask: messages.AnswerIdea) -> Decided:
    idea = asked.idea
    move = move_between(idea.state, "answered")
    if move is None:
        return Refusal("no_such_move", details={"was": idea.state, "to": "answered"})
    if idea.state == "answered" and idea.answers and idea.answers[-1][0].decision != "under_evaluation":
        return Refusal("answered_already")
    needed: dict[str, bool] = {"text": not blank_text(ask.text), "office": _said(ask.office)}
    if ask.decision == "accepted":
        needed |= {
            "cost": ask.cost is not None,
            "cost_report": not blank_text(ask.cost_report),
            "execution_period": _said(ask.execution_period),
        }
    missing = [name for name, given in needed.items() if not given]
    if missing:
        return Refusal("answer_incomplete", details={"missing": missing})
    said = messages.IdeaAnswered.model_validate(ask.model_dump(exclude_none=True))
    moved = [messages.IdeaMoved(idea=idea.uid, was=idea.state, to="answered")] if idea.state != "answered" else []
    return [said, *moved]


def _endorse(asked: _Asked, ask: messages.Endorse) -> Decided:
    idea, moment = asked.idea, asked.moment
    if moment.person is None or moment.voter is None:
        # A backing must follow its person from version to version, so nobody's cannot be taken.
        return Refusal("anonymous_here")
    if idea.state not in ENDORSED:
        return Refusal("endorsing_closed", details={"state": idea.state})
    known = idea.endorsements.get(moment.voter)
    if ask.level is None:
        return [messages.Endorsed(idea=idea.uid, version=idea.version, level=None)] if known else []
    if ask.version != idea.version:
        return Refusal("old_version", details={"version": idea.version})
    if ask.level == "object" and not _said(ask.reason):
        return Refusal("reason_needed")
    conditions = []
    for nth, one in enumerate(ask.conditions):
        text = tidy(one.text or "").strip() or None
        if text is None and one.field is None:
            return Refusal("condition_needed")
        if one.field is not None and not _a_field(one.field):
            return Refusal("unknown_field", details={"field": one.field})
        same = next(
            (
                old
                for old in (known.conditions if known else ())
                if (old.text, old.field, old.degree) == (text, one.field, one.degree)
            ),
            None,
        )
        uid = same.uid if same else moment.id(nth)
        conditions.append(messages.KeptCondition(uid=uid, text=text, field=one.field, degree=one.degree))
    if (ask.level == "support_with_conditions") != bool(conditions):
        return Refusal("condition_needed")
    fact = messages.Endorsed(
        idea=idea.uid,
        version=ask.version,
        level=ask.level,
        conditions=conditions,
        reason=tidy(ask.reason).strip() if ask.reason and _said(ask.reason) else None,
        organisation=tidy(ask.organisation).strip() if ask.organisation and _said(ask.organisation) else None,
        language=moment.language,
    )
    if known is not None:
        again = endorsement_in(fact, known, known.group, known.at, known.language)
        if again == known:
            return []
    return [fact]


def _fulfil(asked: _Asked, ask: messages.FulfilCondition) -> Decided:
    every = [one for backing in asked.idea.endorsements.values() for one in backing.conditions]
    found = next((one for one in every if one.uid == ask.condition), None)
    if found is None:
        return Refusal("unknown_condition")
    if found.fulfilled == ask.fulfilled:
        return []
    return [messages.ConditionFulfilled(idea=asked.idea.uid, condition=ask.condition, fulfilled=ask.fulfilled)]


def _argue(asked: _Asked, ask: messages.Argue) -> Decided:
    idea, voter = asked.idea, asked.moment.voter
    if idea.state in ENDED:
        return Refusal("frozen", details={"state": idea.state})
    text = tidy(ask.text).strip()
    if not text:
        return Refusal("empty")
    known = next((one for one in idea.arguments if one.uid == ask.argument), None)
    if known is not None and known.voter != voter:
        return Refusal("exists")
    if known is None and sum(one.voter == voter for one in idea.arguments) >= ARGUMENTS:
        return Refusal("too_many", details={"most": ARGUMENTS})
    if known is not None and (known.side, known.text) == (ask.side, text):
        return []
    language = asked.moment.language
    return [messages.Argued(idea=idea.uid, argument=ask.argument, side=ask.side, text=text, language=language)]


def _withdraw_argument(asked: _Asked, ask: messages.WithdrawArgument) -> Decided:
    known = next((one for one in asked.idea.arguments if one.uid == ask.argument), None)
    if known is None:
        return Refusal("unknown_argument")
    if asked.moment.actor == "phone" and known.voter != asked.moment.voter:
        return Refusal("not_yours")
    return [messages.ArgumentWithdrawn(idea=asked.idea.uid, argument=ask.argument)]


def _link_source(asked: _Asked, ask: messages.LinkSource) -> Decided:
    idea = asked.idea
    if not asked.editor:
        return Refusal("not_yours")
    if not _a_field(ask.field):
        return Refusal("unknown_field", details={"field": ask.field})
    try:
        source = Source.model_validate({**ask.source, "field": ask.field})
    except (ValidationError, RecursionError, OverflowError):
        return Refusal("bad_value", details={"field": "source"})
    if source in idea.sources:
        return []
    if len(idea.sources) >= LINKS:
        return Refusal("too_many", details={"most": LINKS})
    return [messages.SourceLinked(idea=idea.uid, source=source)]


def _unlink_source(asked: _Asked, ask: messages.UnlinkSource) -> Decided:
    if not asked.editor:
        return Refusal("not_yours")
    if not any(is_link(source, ask.field, ask.thing) for source in asked.idea.sources):
        return []
    return [messages.SourceUnlinked(idea=asked.idea.uid, field=ask.field, thing=ask.thing)]


def _step(asked: _Asked, ask: messages.SetStepStatus) -> Decided:
    idea = asked.idea
    if not asked.editor:
        return Refusal("not_yours")
    if idea.state in (*ENDED, "parked"):
        return Refusal("frozen", details={"state": idea.state})
    path = f"next_steps/{ask.step}"
    row = idea.fields.get(path)
    if row is None:
        return Refusal("unknown_step")
    if ask.status == "dropped" and not _said(ask.reason):
        return Refusal("reason_needed")
    fact = messages.StepStatusSet(
        idea=idea.uid,
        step=ask.step,
        status=ask.status,
        reason=ask.reason,
        evidence_url=ask.evidence_url,
        version=idea.versions.get(path, 0) + 1,
    )
    return [] if with_status(row, fact) == row else [fact]


def _reading(asked: _Asked, ask: messages.AddReading) -> Decided:
    idea = asked.idea
    if not asked.editor:
        return Refusal("not_yours")
    if idea.state in (*ENDED, "parked"):
        return Refusal("frozen", details={"state": idea.state})
    path = f"indicators/{ask.indicator}"
    row = idea.fields.get(path)
    if row is None:
        return Refusal("unknown_indicator")
    if any(one["uid"] == ask.reading for one in row.get("readings", ())):
        return Refusal("exists")
    if len(row.get("readings", ())) >= READINGS:
        return Refusal("too_many", details={"field": path, "most": READINGS})
    given = ask.model_dump(exclude_none=True)
    return [messages.ReadingAdded.model_validate({**given, "version": idea.versions.get(path, 0) + 1})]


_DECIDERS: Mapping[type[AnAsk], Callable[[_Asked, Any], Decided]] = {
    messages.EditIdea: _edit,
    messages.SettleField: _settle,
    messages.MoveIdea: _move,
    messages.MergeIdeas: _merge,
    messages.Endorse: _endorse,
    messages.FulfilCondition: _fulfil,
    messages.Argue: _argue,
    messages.WithdrawArgument: _withdraw_argument,
    messages.AnswerIdea: _answer,
    messages.LinkSource: _link_source,
    messages.UnlinkSource: _unlink_source,
    messages.SetStepStatus: _step,
    messages.AddReading: _reading,
}
