"""Which facts an ask leaves, or why it is refused.

The order of the checks: the target exists (`unknown_stall`, `unknown_person`, `gone`), the asker may (`not_yours`,
`no_organisation`, `not_a_party`), the moment is right (`no_round`, `round_running`, `no_plan`), the words fit
(`empty`, `too_long`, `too_many`), nobody was faster (`changed_since`). A veto is never a reason that is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from ..contract import AFact, AnAsk, Moment, Refusal, clean
from . import messages as m
from .placing import event_of, fault, input_hash, outdated, panel_hash, panel_of, problem, proposal_of
from .state import (
    FREEZE,
    SETTLE,
    Peer,
    Plan,
    Stall,
    State,
    card_of,
    known_organisations,
    next_round,
    on_the_panel,
    running,
    standing,
    standing_at,
    visiting_round,
    visits,
)

Decided = list[AFact] | Refusal


def decide(state: State, ask: AnAsk, moment: Moment) -> Decided:
    decided = _BY_KIND.get(type(ask))
    if decided is None:
        return Refusal("unknown_ask")
    if moment.actor not in ask.by:
        return Refusal("not_allowed")
    if moment.actor == "phone" and not moment.voter:
        return Refusal("not_allowed")
    return decided(state, ask, moment)


# What people type


def _line(typed: str | None, most: int) -> str | Refusal:
    text = m.tidied(typed or "")
    return Refusal("too_long", details={"max": most}) if len(text) > most else text


def _long(typed: str | None) -> str | Refusal:
    text = "\n".join(" ".join(line.split()) for line in clean(typed or "").splitlines()).strip()
    return Refusal("too_long", details={"max": m.LONG}) if len(text) > m.LONG else text


def _tags(typed: Iterable[str]) -> list[str] | Refusal:
    found: dict[str, str] = {}
    for one in typed:
        tag = _line(one, m.TAG)
        if isinstance(tag, Refusal):
            return tag
        if tag:
            found.setdefault(tag.casefold(), tag)
    return list(found.values()) if len(found) <= m.TAGS else Refusal("too_many", details={"max": m.TAGS})


_LINES = ("title", "place", "instrument", "years", "source")
_PARAGRAPHS = ("problem", "done", "limits", "improvements")
_LISTS = ("offers", "needs", "conditions")


def _written(fields: m.Fields, language: str) -> tuple[dict[str, Any], tuple[str, ...]] | Refusal:
    """What was written, as the fields of a card, and the fields that were emptied."""
    card: dict[str, Any] = {}
    cleared: list[str] = []
    said = fields.model_fields_set
    for name in (*_LINES, *_PARAGRAPHS):
        if name not in said:
            continue
        typed = getattr(fields, name)
        text = _long(typed) if name in _PARAGRAPHS else _line(typed, m.LINE)
        if isinstance(text, Refusal):
            return text
        if not text:
            cleared.append(name)
        else:
            card[name] = text if name == "years" else {language: text}
    for name in _LISTS:
        if name in said:
            tags = _tags(getattr(fields, name) or ())
            if isinstance(tags, Refusal):
                return tags
            card[name] = [{language: tag} for tag in tags]
    if "results" in said:
        results = []
        for one in fields.results or ():
            value, evidence = _long(one.value), _long(one.evidence)
            if isinstance(value, Refusal) or isinstance(evidence, Refusal):
                return Refusal("too_long", details={"max": m.LONG})
            if value:
                results.append({"value": {language: value}, "evidence": {language: evidence} if evidence else None})
        if len(results) > m.TAGS:
            return Refusal("too_many", details={"max": m.TAGS})
        card["results"] = results
    if fields.contact_consent is not None:
        card["contact_consent"] = fields.contact_consent
    return card, tuple(cleared)


# Who speaks


def _stall(state: State, id: str) -> Stall | Refusal:
    stall = state.stalls.get(id)
    return Refusal("unknown_stall") if stall is None or stall.removed else stall


def _own_organisation(state: State, moment: Moment, said: str | None) -> str | Refusal:
    """For whom somebody speaks: a phone for its own organisation, the desk for the one it names."""
    if moment.actor != "phone":
        if said is None or said not in on_the_panel(state):
            return Refusal("no_organisation")
        return said
    return state.organisation_of.get(moment.voter or "") or Refusal("no_organisation")


def _is_host(state: State, stall: Stall, moment: Moment) -> bool:
    return moment.actor != "phone" or moment.voter in stall.hosts


def _may_edit(stall: Stall, moment: Moment) -> bool:
    return moment.actor != "phone" or moment.voter in stall.hosts or moment.voter == stall.by


def _say_organisation(state: State, ask: m.SayOrganisation, moment: Moment) -> Decided:
    return _organisation(state, ask.organisation, moment.voter or "", None)


def _set_organisation(state: State, ask: m.SetOrganisation, moment: Moment) -> Decided:
    if ask.person not in state.people:
        return Refusal("unknown_person")
    return _organisation(state, ask.organisation, ask.person, ask.person)


def _organisation(state: State, typed: str, person: str, told: str | None) -> Decided:
    name = _line(typed, m.NAME)
    if isinstance(name, Refusal):
        return name
    id = m.organisation_id(name)
    if state.organisation_of.get(person) == id:
        return []
    known = known_organisations(state)
    if id and id not in known and len(known) >= m.ORGANISATIONS:
        return Refusal("too_many", details={"max": m.ORGANISATIONS})
    return [m.OrganisationSaid(organisation=name or None, person=told)]


# Practices and stalls


def _add_practice(state: State, ask: m.AddPractice, moment: Moment) -> Decided:
    if moment.actor == "phone" and not state.setup.entry:
        return Refusal("not_allowed")
    known = state.stalls.get(ask.stall)
    if known is not None:
        own = known.by == (moment.voter if moment.actor == "phone" else None)
        return [] if own and not known.removed else Refusal("exists")
    written = _written(ask.fields, moment.language)
    if isinstance(written, Refusal):
        return written
    if "title" not in written[0]:
        return Refusal("empty")
    if len(standing(state)) >= m.STALLS:
        return Refusal("too_many", details={"max": m.STALLS})
    own_organisation = state.organisation_of.get(moment.voter or "") if moment.actor == "phone" else None
    name = state.names.get(own_organisation or "") or own_organisation
    return [m.PracticeAdded(stall=ask.stall, card=m.Card.model_validate(written[0]), organisation=name or None)]


def _edit_practice(state: State, ask: m.EditPractice, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    if not _may_edit(stall, moment):
        return Refusal("not_yours")
    written = _written(ask.set, moment.language)
    if isinstance(written, Refusal):
        return written
    card, cleared = written
    if "title" in cleared:
        return Refusal("empty")
    known = stall.card
    new = m.Card.model_validate(card)
    gone = tuple(name for name in cleared if getattr(known, name) is not None)
    if not gone and all(_says(getattr(known, name), getattr(new, name)) for name in new.model_fields_set):
        return []
    return [m.PracticeEdited(stall=ask.stall, card=new, cleared=gone)]


def _says(known: Any, new: Any) -> bool:
    if isinstance(new, dict):
        return isinstance(known, dict) and all(known.get(language) == words for language, words in new.items())
    return bool((known or ()) == (new or ()))


def _bring_practices(state: State, ask: m.BringPractices, moment: Moment) -> Decided:
    new = {one.practice: card_of(one) for one in ask.practices if one.practice not in state.stalls}
    if any(not any(words.strip() for words in (card.title or {}).values()) for card in new.values()):
        return Refusal("empty")
    if len(standing(state)) + len(new) > m.STALLS:
        return Refusal("too_many", details={"max": m.STALLS})
    return [m.PracticesBrought(practices=new)] if new else []


def _present(state: State, ask: m.Present, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    on = moment.voter in stall.hosts
    return [] if on == ask.on else [m.PresenterSet(stall=ask.stall, on=ask.on)]


def _set_stall(state: State, ask: m.SetStall, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    said, fact, cleared = ask.set, {}, []
    for name in said.model_fields_set:
        value = getattr(said, name)
        if name in ("title", "table", "organisation"):
            text = _line(value, m.LINE if name == "title" else m.NAME)
            if isinstance(text, Refusal):
                return text
            if not text and name == "title":
                return Refusal("empty")
            value = ({moment.language: text} if name == "title" else text) if text else None
        elif name == "open" and value is not None:
            value = tuple(sorted({number for number in value if number <= state.setup.rounds}))
            if value == tuple(range(1, state.setup.rounds + 1)):
                value = None
        elif name == "hosts":
            value = tuple(dict.fromkeys(value or ()))
            if any(person not in state.people for person in value):
                return Refusal("unknown_person")
        elif name in ("capacity", "hosting") and value is None:
            continue
        if value is None:
            if getattr(stall, name) is not None:
                cleared.append(name)
        elif not _says(getattr(stall, name), value):
            fact[name] = value
    capacity = fact.get("capacity", stall.capacity)
    minimum = None if "minimum" in cleared else fact.get("minimum", stall.minimum)
    if minimum is not None and minimum > capacity:
        if "minimum" in fact:
            return Refusal("minimum_high", details={"max": capacity})
        fact["minimum"] = capacity
    if not fact and not cleared:
        return []
    return [m.StallChanged(stall=ask.stall, **fact, cleared=tuple(sorted(cleared)))]


def _remove_stall(state: State, ask: m.RemoveStall, moment: Moment) -> Decided:
    known = state.stalls.get(ask.stall)
    if known is None:
        return Refusal("unknown_stall")
    return [] if known.removed else [m.StallRemoved(stall=ask.stall)]


def _restore_stall(state: State, ask: m.RestoreStall, moment: Moment) -> Decided:
    known = state.stalls.get(ask.stall)
    if known is None:
        return Refusal("unknown_stall")
    if not known.removed:
        return []
    if len(standing(state)) >= m.STALLS:
        return Refusal("too_many", details={"max": m.STALLS})
    return [m.StallRestored(stall=ask.stall)]


# Wishes and vetoes


def _wish(state: State, ask: m.Wish, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    if state.wishes.get(moment.voter or "", {}).get(ask.stall) == ask.level:
        return []
    return [m.Wished(stall=ask.stall, level=ask.level)]


def _avoid(state: State, ask: m.Avoid, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    on = ask.stall in state.never.get(moment.voter or "", ())
    return [] if on == ask.on else [m.Avoided(stall=ask.stall, on=ask.on)]


def _turn_away(state: State, ask: m.TurnAway, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    if not _is_host(state, stall, moment):
        return Refusal("not_yours")
    on = ask.organisation in state.turned_away.get(ask.stall, ())
    if on == ask.on:
        return []
    if ask.on and ask.organisation not in known_organisations(state):
        return Refusal("no_organisation")
    return [m.TurnedAway(stall=ask.stall, organisation=ask.organisation, on=ask.on)]


# Being somewhere


def _check_in(state: State, ask: m.CheckIn, moment: Moment) -> Decided:
    return _stand(state, ask.stall, moment.voter or "", None)


def _seen(state: State, ask: m.Seen, moment: Moment) -> Decided:
    if ask.person not in state.people:
        return Refusal("unknown_person")
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    if not _is_host(state, stall, moment):
        return Refusal("not_yours")
    return _stand(state, ask.stall, ask.person, ask.person)


def _stand(state: State, id: str, person: str, told: str | None) -> Decided:
    stall = _stall(state, id)
    if isinstance(stall, Refusal):
        return stall
    round = visiting_round(state)
    if round is None:
        return Refusal("no_round")
    stood = state.stays.get(round, {}).get(person, ())
    if stood and stood[-1] == id:
        return []
    if state.free and told is None and person not in stall.hosts:
        refused = _full(state, stall, person, round)
        if refused is not None:
            return refused
    facts: list[AFact] = [m.CheckedIn(stall=id, round=round, again=state.free and bool(stood), person=told)]
    # Who stands at a stall has come back.
    return [m.AwaySet(on=False, person=told), *facts] if person in state.away else facts


def _full(state: State, stall: Stall, person: str, round: int) -> Refusal | None:
    """In free circulation nobody planned the seats, so that a full stall names another one: rated high, much room."""
    standing_now = standing_at(state, round)

    def room(one: Stall) -> int:
        return one.capacity - sum(who not in one.hosts for who in standing_now.get(one.id, ()))

    if room(stall) > 0:
        return None
    visited = {one for number in range(state.round + 1) for one in visits(state, number).get(person, ())}
    wished = state.wishes.get(person, {})
    others = [
        one
        for one in standing(state)
        if one.id != stall.id and room(one) > 0 and one.id not in visited and person not in one.hosts
        and one.id not in state.never.get(person, ()) and (not round or one.stands(round))
    ]  # fmt: skip
    details: dict[str, Any] = {"stall": stall.id}
    if others:
        details["try"] = max(others, key=lambda one: (wished.get(one.id, 0), room(one))).id
    return Refusal("stall_full", details=details)


def _be_away(state: State, ask: m.BeAway, moment: Moment) -> Decided:
    on = (moment.voter or "") in state.away
    return [] if on == ask.on else [m.AwaySet(on=ask.on)]


def _set_away(state: State, ask: m.SetAway, moment: Moment) -> Decided:
    if ask.person not in state.people:
        return Refusal("unknown_person")
    on = ask.person in state.away
    return [] if on == ask.on else [m.AwaySet(on=ask.on, person=ask.person)]


# Notes and how a visit was


def _write_note(state: State, ask: m.WriteNote, moment: Moment) -> Decided:
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    if ask.note in state.notes:
        return [] if state.notes[ask.note].by == moment.voter else Refusal("exists")
    text = _long(ask.text)
    if isinstance(text, Refusal):
        return text
    if not text:
        return Refusal("empty")
    if sum(note.by == moment.voter for note in state.notes.values()) >= m.NOTES:
        return Refusal("too_many", details={"max": m.NOTES})
    return [m.NoteWritten(note=ask.note, stall=ask.stall, form=ask.kind, text=text, own_group=moment.group)]


def _remove_note(state: State, ask: m.RemoveNote, moment: Moment) -> Decided:
    note = state.notes.get(ask.note)
    if note is None:
        return Refusal("gone")
    if moment.actor == "phone" and note.by != moment.voter:
        return Refusal("not_yours")
    return [m.NoteRemoved(note=ask.note)]


def _rate_visit(state: State, ask: m.RateVisit, moment: Moment) -> Decided:
    person = moment.voter or ""
    if ask.round not in state.rounds or person not in visits(state, ask.round):
        return Refusal("unknown_round")
    if state.ratings.get(ask.round, {}).get(person) == ask.how:
        return []
    return [m.VisitRated(round=ask.round, how=ask.how)]


# The facilitator's hand


def _go_to(state: State, ask: m.GoTo, moment: Moment) -> Decided:
    if ask.phase == "panel" and not state.setup.panel:
        return Refusal("not_allowed")
    return [] if ask.phase == state.phase else [m.PhaseSet(phase=ask.phase)]


def _set_weights(state: State, ask: m.SetWeights, moment: Moment) -> Decided:
    said = {name: value for name in ask.model_fields_set if (value := getattr(ask, name)) is not None}
    weights = state.weights.model_copy(update=said)
    return [] if weights == state.weights else [m.WeightsSet(weights=weights)]


def _pin(state: State, ask: m.Pin, moment: Moment) -> Decided:
    if ask.person not in state.people:
        return Refusal("unknown_person")
    stall = _stall(state, ask.stall)
    if isinstance(stall, Refusal):
        return stall
    if not state.round < ask.round <= state.setup.rounds:
        return Refusal("unknown_round")
    pinned = state.pins.get(ask.round, {}).get(ask.person)
    return [] if pinned == ask.stall else [m.Pinned(person=ask.person, stall=ask.stall, round=ask.round)]


def _unpin(state: State, ask: m.Unpin, moment: Moment) -> Decided:
    if ask.person not in state.pins.get(ask.round, {}):
        return []
    return [m.Unpinned(person=ask.person, round=ask.round)]


# Plans


def _ask_for_plan(state: State, ask: m.AskForPlan, moment: Moment) -> Decided:
    wrong = problem(state, ask.fresh)
    hash = input_hash(state, ask.fresh)
    if wrong is not None or hash is None:
        return Refusal("nothing_to_plan", details={"foreseen": [wrong or {"code": "malformed"}]})
    if state.asked is not None and state.asked.fresh == ask.fresh:
        return []
    offered = state.offered
    if state.asked is None and offered is not None and offered.input_sha256 == hash and offered.fresh == ask.fresh:
        return []
    return [m.PlanAsked(input_sha256=hash, seed=state.setup.seed, weights=state.weights, fresh=ask.fresh)]


def _offer_plan(state: State, ask: m.OfferPlan, moment: Moment) -> Decided:
    number = state.plans + 1
    event: Mapping[str, Any] | None
    if state.asked is not None:
        event = event_of(state, state.asked.fresh)
        if event is None or ask.input_sha256 != input_hash(state, state.asked.fresh):
            return Refusal("plan_outdated")
    else:
        known = [plan for plan in (state.offered, state.plan) if plan is not None]
        if not any(plan.input_sha256 == ask.input_sha256 for plan in known):
            return Refusal("plan_outdated")
        if state.offered is None or not _is_better(ask.plan, state.offered):
            return []
        # Still the plan that the desk looks at, under the number on its button.
        number, event = state.offered.number, state.offered.event
    # What each person wished stands in their own facts only, where erasing finds it.
    plan = {name: _routes(part) for name, part in ask.plan.items() if name != "people"}
    wrong = fault(event, plan)
    if wrong is not None:
        return Refusal("bad_plan", details={"why": wrong})
    return [m.PlanOffered(number=number, input_sha256=ask.input_sha256, plan=plan)]


def _is_better(plan: Mapping[str, Any], offered: Plan) -> bool:
    """Of the same input: worth more, or as much and closer to the best that is possible."""
    here, there = offered.document.get("objective", {}), plan.get("objective")
    if not isinstance(there, dict) or plan.get("broken") or not isinstance(there.get("value"), int):
        return False
    if there["value"] != here.get("value"):
        return bool(there["value"] > here.get("value", 0))
    return bool(there.get("proven_optimal") and not here.get("proven_optimal"))


def _routes(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return {
        key: [None if stall == "" else stall for stall in one] if isinstance(one, list) else one
        for key, one in part.items()
    }


def _give_up(state: State, ask: m.GiveUp, moment: Moment) -> Decided:
    match ask.what:
        case "plan" if state.asked is not None:
            return [m.GivenUp(what="plan")]
        case "pairs" if state.pairs_asked is not None:
            return [m.GivenUp(what="pairs")]
    # Without a better plan there is still the good one.
    return []


def _publish_plan(state: State, ask: m.PublishPlan, moment: Moment) -> Decided:
    if state.plan is not None and state.plan.number == ask.plan:
        return []
    if state.offered is None or state.offered.number != ask.plan:
        return Refusal("no_plan")
    if outdated(state, state.offered):
        return Refusal("plan_outdated")
    return [m.PlanPublished(number=ask.plan)]


def _drop_plan(state: State, ask: m.DropPlan, moment: Moment) -> Decided:
    return [] if state.offered is None and state.asked is None else [m.PlanDropped()]


# Rounds


def _start_round(state: State, ask: m.StartRound, moment: Moment) -> Decided:
    if running(state) is not None:
        # A second press asks for the round that runs by now.
        return [] if ask.round == state.round else Refusal("round_running")
    coming = next_round(state)
    if coming is None or ask.round not in (None, coming):
        return Refusal("unknown_round")
    if state.plan is None and not state.free:
        return Refusal("no_plan")
    return [m.RoundStarted(round=coming, ends_at=moment.now + state.setup.minutes * 60_000)]


def _end_round(state: State, ask: m.EndRound, moment: Moment) -> Decided:
    return Refusal("no_round") if running(state) is None else [m.RoundEnded(round=state.round, why="desk")]


def _more_time(state: State, ask: m.MoreTime, moment: Moment) -> Decided:
    now = running(state)
    if now is None:
        return Refusal("no_round")
    at = moment.now if state.held_at is None else state.held_at
    ends_at = max(now.ends_at, at) + ask.seconds * 1000
    return [m.TimeAdded(round=state.round, seconds=ask.seconds, ends_at=ends_at)]


def _circulate(state: State, ask: m.Circulate, moment: Moment) -> Decided:
    return [] if ask.on == state.free else [m.CirculationSet(on=ask.on)]


def _time_up(state: State, ask: m.TimeUp, moment: Moment) -> Decided:
    now = running(state)
    if now is None or ask.round != state.round or state.held_at is not None or moment.now < now.ends_at:
        return []
    return [m.RoundEnded(round=state.round, why="time")]


def _settle_wishes(state: State, ask: m.SettleWishes, moment: Moment) -> Decided:
    asked = state.asked
    return [m.WishesSettled()] if asked is not None and asked.wishes is None and moment.now >= asked.at + SETTLE else []


def _freeze(state: State, ask: m.Freeze, moment: Moment) -> Decided:
    now = running(state)
    if now is None or state.held_at is not None or state.frozen == ask.round or ask.round != next_round(state):
        return []
    return [m.Frozen(round=ask.round)] if state.plan is not None and moment.now >= now.ends_at - FREEZE else []


def _hold(state: State, ask: m.Hold, moment: Moment) -> Decided:
    return [m.Held(at=moment.now)] if state.held_at is None else []


def _go_on(state: State, ask: m.GoOn, moment: Moment) -> Decided:
    if state.held_at is None:
        return []
    now = running(state)
    # A round that began in the pause has lost only the time since it began.
    since = max(state.held_at, now.started_at if now is not None else 0)
    return [m.WentOn(by_ms=max(0, moment.now - since))]


# The panel


def _say_tags(state: State, ask: m.SayTags, moment: Moment) -> Decided:
    own = _own_organisation(state, moment, None)
    if isinstance(own, Refusal):
        return own
    offers, needs = _tags(ask.offers), _tags(ask.needs)
    if isinstance(offers, Refusal):
        return offers
    if isinstance(needs, Refusal):
        return needs
    language = moment.language
    said = m.TagsSaid(
        organisation=own,
        offers=tuple({language: tag} for tag in offers),
        needs=tuple({language: tag} for tag in needs),
    )
    known = state.tags.get(own)
    return [] if known is not None and (known.offers, known.needs) == (said.offers, said.needs) else [said]


def _other(state: State, own: str, other: str) -> Refusal | None:
    if other == own or other not in on_the_panel(state):
        return Refusal("no_organisation")
    return None


def _want_peer(state: State, ask: m.WantPeer, moment: Moment) -> Decided:
    if not state.setup.panel:
        return Refusal("not_allowed")
    own = _own_organisation(state, moment, None)
    if isinstance(own, Refusal):
        return own
    refused = _other(state, own, ask.organisation)
    if refused is not None:
        return refused
    topic = _line(ask.topic, m.LINE)
    if isinstance(topic, Refusal):
        return topic
    known = state.wants.get(own, {}).get(ask.organisation)
    if known is not None and (known.strength, known.wants, known.topic) == (ask.strength, ask.kind, topic or None):
        return []
    return [
        m.PeerWanted(
            organisation=own, other=ask.organisation, strength=ask.strength, wants=ask.kind, topic=topic or None
        )
    ]


def _avoid_peer(state: State, ask: m.AvoidPeer, moment: Moment) -> Decided:
    own = _own_organisation(state, moment, None)
    if isinstance(own, Refusal):
        return own
    on = ask.organisation in state.avoids.get(own, ())
    if on == ask.on:
        return []
    refused = _other(state, own, ask.organisation) if ask.on else None
    return refused or [m.PeerAvoided(organisation=own, other=ask.organisation, on=ask.on)]


def _ask_for_pairs(state: State, ask: m.AskForPairs, moment: Moment) -> Decided:
    panel = panel_of(state)
    if not panel["wishes"]:
        return Refusal("nothing_to_plan", details={"foreseen": [{"code": "no_wishes"}]})
    hash = panel_hash(panel)
    if state.pairs_asked is not None:
        return []
    if state.pairs_offered is not None and state.pairs_offered.input_sha256 == hash:
        return []
    return [m.PairsAsked(input_sha256=hash)]


def _offer_pairs(state: State, ask: m.OfferPairs, moment: Moment) -> Decided:
    if state.pairs_asked is None:
        known = [pairs for pairs in (state.pairs_offered, state.pairs) if pairs is not None]
        return [] if any(one.input_sha256 == ask.input_sha256 for one in known) else Refusal("plan_outdated")
    panel = panel_of(state)
    if ask.input_sha256 != panel_hash(panel):
        return Refusal("plan_outdated")
    proposal = proposal_of(panel, ask.proposal)
    if proposal is None:
        return Refusal("bad_plan")
    return [m.PairsOffered(number=state.pairs_made + 1, input_sha256=ask.input_sha256, proposal=proposal)]


def _publish_pairs(state: State, ask: m.PublishPairs, moment: Moment) -> Decided:
    if state.pairs is not None and state.pairs.number == ask.pairs:
        return []
    if state.pairs_offered is None or state.pairs_offered.number != ask.pairs:
        return Refusal("no_plan")
    vetoed = {frozenset((by, to)) for by, others in state.avoids.items() for to in others}
    if any(frozenset((pair["a"], pair["b"])) in vetoed for pair in state.pairs_offered.proposal["pairs"]):
        return Refusal("plan_outdated")
    return [m.PairsPublished(number=ask.pairs)]


def _propose_peer(state: State, ask: m.ProposePeer, moment: Moment) -> Decided:
    if not state.setup.panel:
        return Refusal("not_allowed")
    own: str | None = None
    parties = list(dict.fromkeys(ask.parties))
    if moment.actor == "phone" or ask.organisation is not None:
        speaking = _own_organisation(state, moment, ask.organisation)
        if isinstance(speaking, Refusal):
            return speaking
        own = speaking
        parties = list(dict.fromkeys([own, *parties]))
    if ask.peer in state.peers:
        return [] if state.peers[ask.peer].parties == tuple(parties) else Refusal("exists")
    if len(parties) < 2 or any(party not in on_the_panel(state) for party in parties):
        return Refusal("no_organisation")
    if len(parties) > 8:
        return Refusal("too_many", details={"max": 8})
    topic = _line(ask.topic, m.LINE)
    if isinstance(topic, Refusal):
        return topic
    for party in parties:
        if sum(party in peer.parties for peer in state.peers.values() if not peer.dropped) >= m.PEERS:
            return Refusal("too_many", details={"max": m.PEERS})
    return [m.PeerProposed(peer=ask.peer, parties=tuple(parties), organisation=own, topic=topic or None)]


def _peer(state: State, id: str) -> Peer | Refusal:
    peer = state.peers.get(id)
    return Refusal("gone") if peer is None or peer.dropped else peer


def _party(state: State, peer: Peer, moment: Moment, said: str | None) -> str | Refusal:
    if moment.actor != "phone":
        return said if said in peer.parties and said is not None else Refusal("not_a_party")
    own = _own_organisation(state, moment, None)
    if isinstance(own, Refusal):
        return own
    return own if own in peer.parties else Refusal("not_a_party")


def _set_peer(state: State, ask: m.SetPeer, moment: Moment) -> Decided:
    peer = _peer(state, ask.peer)
    if isinstance(peer, Refusal):
        return peer
    own: str | None = None
    if moment.actor == "phone" or ask.organisation is not None:
        party = _party(state, peer, moment, ask.organisation)
        if isinstance(party, Refusal):
            return party
        own = party
    fact: dict[str, Any] = {}
    cleared: list[str] = []
    current: dict[str, Any] = {}
    for name in ("topic", "format", "date", "owner", "first_step"):
        if name not in ask.set.model_fields_set:
            continue
        if name == "owner" and own is None:
            return Refusal("not_a_party")
        known = peer.owners.get(own or "") if name == "owner" else getattr(peer, name)
        value = getattr(ask.set, name)
        if name in ("topic", "owner", "first_step"):
            value = _long(value) if name == "first_step" else _line(value, m.LINE)
            if isinstance(value, Refusal):
                return value
        elif name == "date" and value and not _is_day(value):
            return Refusal("bad_date")
        value = value or None
        if value == known:
            continue
        if peer.revisions.get(revision(name, own), 0) > ask.base:
            current[name] = known
        elif value is None:
            cleared.append(name)
        else:
            fact[name] = value
    if current:
        return Refusal("changed_since", details={"current": current, "version": peer.version})
    if not fact and not cleared:
        return []
    return [m.PeerChanged(peer=ask.peer, organisation=own, **fact, cleared=tuple(cleared))]


def revision(name: str, organisation: str | None) -> str:
    """Under which key the last change of a field is kept: each organisation names its own owner."""
    return f"owner {organisation}" if name == "owner" else name


def _is_day(value: str) -> bool:
    if not m.DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _answer_peer(state: State, ask: m.AnswerPeer, moment: Moment) -> Decided:
    peer = _peer(state, ask.peer)
    if isinstance(peer, Refusal):
        return peer
    party = _party(state, peer, moment, ask.organisation)
    if isinstance(party, Refusal):
        return party
    if party in (peer.accepted if ask.accept else peer.refused):
        return []
    return [m.PeerAnswered(peer=ask.peer, organisation=party, accept=ask.accept)]


def _drop_peer(state: State, ask: m.DropPeer, moment: Moment) -> Decided:
    peer = _peer(state, ask.peer)
    return peer if isinstance(peer, Refusal) else [m.PeerDropped(peer=ask.peer)]


_BY_KIND: Mapping[type[AnAsk], Callable[[State, Any, Moment], Decided]] = MappingProxyType(
    {
        m.SayOrganisation: _say_organisation,
        m.AddPractice: _add_practice,
        m.EditPractice: _edit_practice,
        m.Present: _present,
        m.Wish: _wish,
        m.Avoid: _avoid,
        m.TurnAway: _turn_away,
        m.CheckIn: _check_in,
        m.BeAway: _be_away,
        m.WriteNote: _write_note,
        m.RemoveNote: _remove_note,
        m.RateVisit: _rate_visit,
        m.SayTags: _say_tags,
        m.WantPeer: _want_peer,
        m.AvoidPeer: _avoid_peer,
        m.ProposePeer: _propose_peer,
        m.SetPeer: _set_peer,
        m.AnswerPeer: _answer_peer,
        m.GoTo: _go_to,
        m.SetStall: _set_stall,
        m.RemoveStall: _remove_stall,
        m.RestoreStall: _restore_stall,
        m.BringPractices: _bring_practices,
        m.SetWeights: _set_weights,
        m.Pin: _pin,
        m.Unpin: _unpin,
        m.SetAway: _set_away,
        m.SetOrganisation: _set_organisation,
        m.Seen: _seen,
        m.AskForPlan: _ask_for_plan,
        m.PublishPlan: _publish_plan,
        m.DropPlan: _drop_plan,
        m.StartRound: _start_round,
        m.EndRound: _end_round,
        m.MoreTime: _more_time,
        m.Circulate: _circulate,
        m.AskForPairs: _ask_for_pairs,
        m.PublishPairs: _publish_pairs,
        m.DropPeer: _drop_peer,
        m.OfferPlan: _offer_plan,
        m.OfferPairs: _offer_pairs,
        m.GiveUp: _give_up,
        m.TimeUp: _time_up,
        m.Freeze: _freeze,
        m.SettleWishes: _settle_wishes,
        m.Hold: _hold,
        m.GoOn: _go_on,
    }
)
