"""What a fact makes of the ideas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..messages import AFact, Happening
from . import messages
from .codes import EndorsementLevel
from .endorsement import Condition, Endorsement
from .fields import blank, leaf_of
from .model import Source
from .state import Argument, Frozen, Idea, Ideas, Variant, is_link, leaves_in, tidied

#: Earlier values of a field that are kept for joining.
KEPT = 20


def evolve(state: Ideas, happened: Happening) -> Ideas:
    """The state after a fact. A fact that was emptied by erasing still fits; the fields it had filled are then empty."""
    fact = happened.fact
    evolver = _EVOLVERS.get(type(fact))
    if evolver is None:
        return state
    ideas = dict(state.ideas)
    if isinstance(fact, messages.IdeaMade):
        ideas[fact.idea] = _made(fact, happened)
    elif isinstance(fact, messages.IdeaTakenIn):
        ideas[fact.idea] = _taken(fact, happened)
    elif isinstance(fact, messages.AnIdeaFact) and fact.idea in ideas:
        ideas[fact.idea] = replace(evolver(ideas[fact.idea], fact, happened), updated_at=happened.at)
        if isinstance(fact, messages.IdeaMoved) and fact.to == "merged" and fact.into in ideas:
            target = ideas[fact.into]
            link = Source(field="", source_kind="idea", relation="merged", uid=fact.idea)
            ideas[fact.into] = replace(target, sources=(*target.sources, link), updated_at=happened.at)
    return replace(state, ideas=ideas, at=max(state.at, happened.at))


def _made(fact: messages.IdeaMade, happened: Happening) -> Idea:
    idea = Idea(
        uid=fact.idea,
        code=fact.code,
        state=fact.state,
        origin=fact.origin,
        sources=tuple(fact.sources),
        table=fact.table,
        session=fact.session,
        stage=fact.stage,
        created_by=happened.voter,
        created_at=happened.at,
        updated_at=happened.at,
    )
    return _with(idea, leaves_in(fact.fields), {})


def _with(idea: Idea, leaves: Mapping[str, Any], versions: Mapping[str, int]) -> Idea:
    """With these values, None for what goes; every one of them gets its new version and its place among those kept."""
    fields, counts, kept = dict(idea.fields), dict(idea.versions), dict(idea.kept)
    for path, value in leaves.items():
        value = None if value is None else tidied(path, value)
        counts[path] = versions.get(path, counts.get(path, 0) + 1)
        kept[path] = (*kept.get(path, ()), (counts[path], value))[-KEPT:]
        if value is None:
            fields.pop(path, None)
        else:
            fields[path] = value
    return replace(idea, fields=fields, versions=counts, kept=kept)


def _taken(fact: messages.IdeaTakenIn, happened: Happening) -> Idea:
    left = fact.outcome
    idea = Idea(
        uid=left.idea,
        code=left.code,
        state=left.state,
        version=left.version,
        origin=left.origin,
        sources=tuple(left.sources),
        arguments=tuple(
            Argument(one.argument, one.side, one.text, one.language, None, happened.at) for one in left.arguments
        ),
        answers=tuple(
            (messages.IdeaAnswered(idea=left.idea, **one.model_dump(exclude={"at"})), _at(one.at))
            for one in left.answers
        ),
        frozen=tuple(
            Frozen(one.version, leaves_in(one.fields), one.sha256, _at(one.at), one.provenance) for one in left.versions
        ),
        moves=tuple((one.was, one.to, _at(one.at)) for one in left.moves),
        table=left.table,
        session=left.session,
        stage=left.stage,
        merged_into=left.merged_into,
        superseded_by=left.superseded_by,
        submitted=(left.submitted.office, left.submitted.date) if left.submitted else None,
        withdrawal=(left.withdrawal.reason, left.withdrawal.explanation or "") if left.withdrawal else None,
        override=left.override,
        brought=left.endorsement,
        published_at=_at(left.published_at) if left.published_at else None,
        created_at=_at(left.created_at),
        updated_at=happened.at,
    )
    idea = _with(idea, leaves_in(left.fields), {})
    variants: dict[str, tuple[Variant, ...]] = {}
    for one in left.second_wordings:
        value = leaves_in(one.fields).get(one.field)
        if value is not None:
            variants[one.field] = (*variants.get(one.field, ()), Variant(one.variant, value))
    return replace(idea, variants=variants)


def _at(iso: str) -> int:
    return (datetime.fromisoformat(iso) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], paths: Iterable[str]
) -> tuple[dict[str, Any], list[str]]:
    """What a fact must hold of changed leaves: new languages of a text, new values of a row; and what is gone.

    Not the whole leaf, because the words that others wrote in it belong to their facts, where erasing finds them.
    """
    parts: dict[str, Any] = {}
    gone: list[str] = []
    for path in paths:
        was, now = before.get(path), after.get(path)
        if now is None:
            gone.append(path)
        elif _by_parts(path) and was is not None:
            changed = {name: value for name, value in now.items() if name == "uid" or value != was.get(name)}
            gone += [f"{path}.{name}" for name in was if name not in now]
            if changed.keys() - {"uid"}:
                parts[path] = changed
        else:
            parts[path] = now
    return parts, gone


def _by_parts(path: str) -> bool:
    leaf, uid = leaf_of(path)
    return uid is not None or leaf.kind == "text"


def _put_together(idea: Idea, fact: messages.IdeaEdited) -> dict[str, Any]:
    """The leaves as they are after an edit, None for those that are gone."""
    found: dict[str, Any] = {}
    for path, value in leaves_in(fact.fields).items():
        current = idea.fields.get(path)
        found[path] = {**current, **value} if _by_parts(path) and current is not None else value
    for path in fact.gone:
        if path in fact.versions:
            found[path] = None
            continue
        whole, _, name = path.rpartition(".")
        current = found.get(whole, idea.fields.get(whole))
        if current is not None:
            found[whole] = {key: value for key, value in current.items() if key != name}
    return found


def _was_edited(idea: Idea, fact: messages.IdeaEdited, happened: Happening) -> Idea:
    changed = _put_together(idea, fact)
    variants = dict(idea.variants)
    for path, value in leaves_in(fact.beside).items() if fact.beside else ():
        wording = tidied(path, value)
        if path in fact.variants and not blank(wording):
            variants[path] = (*variants.get(path, ()), Variant(fact.variants[path], wording))
    return replace(_with(idea, changed, fact.versions), variants=variants, origin={**idea.origin, **fact.origin})


def choice(idea: Idea, path: str, variant: Variant, keep: str) -> dict[str, Any]:
    """The leaves that choosing between the wording in a field and one beside it changes."""
    current = idea.fields.get(path)
    text = leaf_of(path)[0].kind == "text"
    if keep == "theirs":
        return {}
    if keep == "mine":
        found = {path: {**(current or {}), **variant.value} if text else variant.value}
    elif text:
        found = {path: _one_after_the_other(current or {}, variant.value)}
    else:
        # A row kept twice is two rows; only people can say what else tells them apart.
        found = {f"{path.partition('/')[0]}/{variant.uid}": {**variant.value, "uid": variant.uid}}
    return {changed: value for changed, value in found.items() if value != idea.fields.get(changed)}


def _one_after_the_other(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    return {
        language: "\n".join(dict.fromkeys(one[language] for one in (first, second) if one.get(language)))
        for language in dict.fromkeys([*first, *second])
    }


def _was_settled(idea: Idea, fact: messages.FieldSettled, happened: Happening) -> Idea:
    known = idea.variants.get(fact.field, ())
    chosen = next((one for one in known if one.uid == fact.variant), None)
    if chosen is None:
        # Its author had it erased.
        return idea
    left = tuple(one for one in known if one is not chosen)
    variants = {path: wordings for path, wordings in idea.variants.items() if path != fact.field}
    if left:
        variants[fact.field] = left
    return replace(_with(idea, choice(idea, fact.field, chosen, fact.keep), {}), variants=variants)


def _was_frozen(idea: Idea, fact: messages.IdeaFrozen, happened: Happening) -> Idea:
    frozen = Frozen(fact.version, leaves_in(fact.fields), fact.sha256, happened.at, fact.provenance)
    return replace(idea, version=fact.version, frozen=(*idea.frozen, frozen))


def _was_moved(idea: Idea, fact: messages.IdeaMoved, happened: Happening) -> Idea:
    moves = (*idea.moves, (fact.was, fact.to, happened.at))
    idea = replace(idea, state=fact.to, moves=moves)
    if fact.to == "published":
        return replace(idea, published_at=happened.at, override=fact.override)
    if fact.to == "submitted" and fact.date is not None:
        return replace(idea, submitted=(fact.office or "", fact.date))
    if fact.to == "withdrawn" and fact.reason is not None:
        return replace(idea, withdrawal=(fact.reason, fact.explanation or ""))
    if fact.to == "merged":
        return replace(idea, merged_into=fact.into)
    return replace(idea, superseded_by=fact.into) if fact.to == "superseded" else idea


def _was_endorsed(idea: Idea, fact: messages.Endorsed, happened: Happening) -> Idea:
    if happened.voter is None:
        return idea
    others = {voter: one for voter, one in idea.endorsements.items() if voter != happened.voter}
    if fact.level is None:
        return replace(idea, endorsements=others)
    known = idea.endorsements.get(happened.voter)
    made = endorsement_in(fact, known, happened.group, happened.at, fact.language)
    return replace(idea, endorsements={**others, happened.voter: made})


def _was_fulfilled(idea: Idea, fact: messages.ConditionFulfilled, happened: Happening) -> Idea:
    backings = {
        voter: replace(
            one,
            conditions=tuple(
                replace(condition, fulfilled=fact.fulfilled) if condition.uid == fact.condition else condition
                for condition in one.conditions
            ),
        )
        for voter, one in idea.endorsements.items()
    }
    return replace(idea, endorsements=backings)


def _was_argued(idea: Idea, fact: messages.Argued, happened: Happening) -> Idea:
    made = Argument(fact.argument, fact.side, fact.text, fact.language, happened.voter, happened.at)
    if any(one.uid == fact.argument for one in idea.arguments):
        return replace(idea, arguments=tuple(made if one.uid == made.uid else one for one in idea.arguments))
    return replace(idea, arguments=(*idea.arguments, made))


def _argument_went(idea: Idea, fact: messages.ArgumentWithdrawn, happened: Happening) -> Idea:
    return replace(idea, arguments=tuple(one for one in idea.arguments if one.uid != fact.argument))


def _was_answered(idea: Idea, fact: messages.IdeaAnswered, happened: Happening) -> Idea:
    return replace(idea, answers=(*idea.answers, (fact, happened.at)))


def _was_linked(idea: Idea, fact: messages.SourceLinked, happened: Happening) -> Idea:
    return replace(idea, sources=(*idea.sources, fact.source))


def _was_unlinked(idea: Idea, fact: messages.SourceUnlinked, happened: Happening) -> Idea:
    return replace(idea, sources=tuple(one for one in idea.sources if not is_link(one, fact.field, fact.thing)))


def _step_went_on(idea: Idea, fact: messages.StepStatusSet, happened: Happening) -> Idea:
    path = f"next_steps/{fact.step}"
    row = idea.fields.get(path)
    return idea if row is None else _with(idea, {path: with_status(row, fact)}, {path: fact.version})


def _was_read(idea: Idea, fact: messages.ReadingAdded, happened: Happening) -> Idea:
    path = f"indicators/{fact.indicator}"
    row = idea.fields.get(path)
    if row is None:
        return idea
    reading = {"uid": fact.reading, "date": fact.date, "value": fact.value}
    reading |= {name: value for name, value in (("note", fact.note), ("source", fact.source)) if value}
    return _with(idea, {path: {**row, "readings": [*row.get("readings", ()), reading]}}, {path: fact.version})


def _unmoved(idea: Idea, fact: AFact, happened: Happening) -> Idea:
    return idea


def endorsement_in(
    fact: messages.Endorsed, known: Endorsement | None, group: str | None, at: int, language: str
) -> Endorsement:
    level: EndorsementLevel = fact.level or "neutral"
    fulfilled = {one.uid: one.fulfilled for one in known.conditions} if known else {}
    conditions = tuple(
        Condition(one.uid, one.text, one.field, one.degree, fulfilled.get(one.uid, False)) for one in fact.conditions
    )
    return Endorsement(fact.version, level, conditions, fact.reason, fact.organisation, language, group, at)


def with_status(row: Mapping[str, Any], fact: messages.StepStatusSet) -> dict[str, Any]:
    said = {"status": fact.status, "reason": fact.reason, "evidence_url": fact.evidence_url or row.get("evidence_url")}
    return {name: value for name, value in {**row, **said}.items() if value}


_EVOLVERS: Mapping[type[AFact], Callable[[Idea, Any, Happening], Idea]] = {
    messages.IdeaMade: _unmoved,
    messages.IdeaTakenIn: _unmoved,
    messages.IdeaEdited: _was_edited,
    messages.FieldSettled: _was_settled,
    messages.IdeaFrozen: _was_frozen,
    messages.IdeaMoved: _was_moved,
    messages.Endorsed: _was_endorsed,
    messages.ConditionFulfilled: _was_fulfilled,
    messages.Argued: _was_argued,
    messages.ArgumentWithdrawn: _argument_went,
    messages.IdeaAnswered: _was_answered,
    messages.SourceLinked: _was_linked,
    messages.SourceUnlinked: _was_unlinked,
    messages.StepStatusSet: _step_went_on,
    messages.ReadingAdded: _was_read,
}
