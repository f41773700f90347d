"""How ideas are written together, frozen, backed, published, answered; each sentence is one of the trade."""

import json
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import jsonschema_rs
import pytest

from server.outcomes import marks

from ..messages import AFact, Happening, Me, Moment, Refusal, asks_of, facts_of
from . import messages, sample
from .codes import IdeaState
from .fields import form_of, leaves_of, read, spread, tree_of
from .left import IdeaOutcome
from .lifecycle import ENDED, MOVES, move_between
from .rules import Context, Idea, canonical, decide, evolve, intact, mine, outcome, schema, start, view

ASKS, FACTS = asks_of(messages.Ask), facts_of(messages.Fact)
GROUPS = ("civil_servants", "social_innovators")
#: 22 November 2026, ms UTC.
NOW = 1_795_305_600_000


class Room:
    """Ideas and the people who ask; every accepted ask is applied, and kept for a replay."""

    def __init__(self, **context: Any) -> None:
        self.state = self.begun = start(Context(groups=GROUPS, **context))
        self.kept: list[Happening] = []
        self.sizes: dict[str, int] = {}
        self.language = "it"

    def put(self, by: str, do: str, who: str | None = None, **fields: Any) -> list[AFact] | Refusal:
        group = GROUPS[0] if (who or "").startswith("c") else GROUPS[1] if who else None
        table = who[-1] if who and who[-1].isdigit() else None
        now = NOW + len(self.kept) * 1_000
        moment = Moment(now, by, who, who, group, table, self.sizes, f"{len(self.kept):032x}", 0, self.language)  # type: ignore[arg-type]
        answer = decide(self.state, ASKS[do].model_validate(fields), moment)
        if not isinstance(answer, Refusal):
            for fact in answer:
                happening = Happening(fact, now, who, group, len(self.kept) + 1)
                self.kept.append(happening)
                self.state = evolve(self.state, happening)
        return answer

    def desk(self, do: str, **fields: Any) -> Any:
        return self.put("desk", do, **fields)

    def phone(self, who: str, do: str, **fields: Any) -> Any:
        return self.put("phone", do, who, **fields)

    @property
    def idea(self) -> Idea:
        return self.state.ideas["idea"]

    def replayed(self) -> Any:
        state = self.begun
        for one in self.kept:
            fact = FACTS[one.fact.kind].model_validate_json(one.fact.model_dump_json())
            state = evolve(state, one._replace(fact=fact))
        return state


def drafted(leaves: dict[str, Any] | None = None, **context: Any) -> Room:
    room = Room(**context)
    assert not isinstance(room.desk("new_idea", idea="idea", fields=leaves or {}), Refusal)
    return room


def in_review(**context: Any) -> Room:
    room = drafted(sample.full(), **context)
    assert not isinstance(room.desk("move_idea", idea="idea", to="review"), Refusal)
    return room


def backed(room: Room, **fields: Any) -> Room:
    for who in ("c1", "s1"):
        answer = room.phone(who, "endorse", idea="idea", version=room.idea.version, level="support", **fields)
        assert not isinstance(answer, Refusal)
    return room


def code(answer: Any) -> str | None:
    return answer.code if isinstance(answer, Refusal) else None


# Writing together


def test_two_people_who_edit_two_rows_or_two_parts_of_the_area_never_meet() -> None:
    room = drafted()
    first = {"obstacles/a": {"text": "Tempi lunghi"}, "area.name": "Giambellino"}
    second = {"obstacles/b": {"text": "Pochi fondi"}, "area.scope": "district"}
    assert not isinstance(room.phone("c1", "edit_idea", idea="idea", set=first), Refusal)
    assert not isinstance(room.phone("s1", "edit_idea", idea="idea", set=second), Refusal)
    tree = tree_of(room.idea.fields)
    assert [row["uid"] for row in tree["obstacles"]] == ["a", "b"]
    assert tree["area"] == {"name": "Giambellino", "scope": "district"}


def edited(room: Room, who: str, base: int, **fields: Any) -> Any:
    return room.phone(who, "edit_idea", idea="idea", base=dict.fromkeys(fields, base), set=fields)


def test_words_changed_far_apart_are_joined() -> None:
    room = drafted({"problem": {"it": "Molti giovani del quartiere non trovano un primo lavoro stabile"}})
    edited(room, "c1", 1, problem={"it": "Troppi giovani del quartiere non trovano un primo lavoro stabile"})
    [fact] = edited(room, "s1", 1, problem={"it": "Molti giovani del quartiere non trovano un primo lavoro sicuro"})
    assert fact.merged == ["problem"]
    assert room.idea.fields["problem"]["it"] == "Troppi giovani del quartiere non trovano un primo lavoro sicuro"


def test_words_changed_at_the_same_place_are_kept_as_two_wordings_and_somebody_chooses() -> None:
    for keep, left in {"theirs": "orari serali", "mine": "orari lunghi", "both": "orari serali\norari lunghi"}.items():
        room = drafted({"proposal": {"it": "orari notturni"}})
        edited(room, "c1", 1, proposal={"it": "orari serali"})
        [fact] = edited(room, "s1", 1, proposal={"it": "orari lunghi"})
        assert fact.versions == {}
        assert room.idea.fields["proposal"] == {"it": "orari serali"}
        assert [one.value for one in room.idea.variants["proposal"]] == [{"it": "orari lunghi"}]
        assert edited(room, "s1", 1, proposal={"it": "orari lunghi"}) == []
        assert (
            code(room.phone("c1", "settle_field", idea="idea", field="proposal", base=1, keep=keep)) == "changed_since"
        )
        room.phone("c1", "settle_field", idea="idea", field="proposal", base=2, keep=keep)
        assert room.idea.fields["proposal"] == {"it": left} and not room.idea.variants
        assert code(room.phone("c1", "settle_field", idea="idea", field="proposal", keep=keep)) == "unknown_variant"
        assert room.replayed() == room.state


def test_a_wording_that_was_chosen_goes_when_its_author_is_erased() -> None:
    room = drafted({"proposal": {"it": "orari notturni"}})
    edited(room, "c1", 1, proposal={"it": "orari serali"})
    edited(room, "s1", 1, proposal={"it": "orari lunghi"})
    room.phone("c1", "settle_field", idea="idea", field="proposal", keep="mine")
    assert room.idea.fields["proposal"] == {"it": "orari lunghi"}
    room.kept = [
        one._replace(
            fact=type(one.fact).model_validate_json(marks.erased(type(one.fact), one.fact.model_dump(mode="json")))
        )
        if one.voter == "s1"
        else one
        for one in room.kept
    ]
    left = room.replayed()
    assert left.ideas["idea"].fields["proposal"] == {"it": "orari serali"} and "lunghi" not in str(left)


def test_a_row_kept_in_both_wordings_is_two_rows() -> None:
    room = drafted({"risks/r": {"text": {"it": "poche imprese"}, "likelihood": 3}})
    room.phone(
        "c1", "edit_idea", idea="idea", base={"risks/r": 1}, set={"risks/r": {"text": "poche scuole", "likelihood": 3}}
    )
    room.phone(
        "s1", "edit_idea", idea="idea", base={"risks/r": 1}, set={"risks/r": {"text": "poche case", "likelihood": 3}}
    )
    room.desk("settle_field", idea="idea", field="risks/r", keep="both")
    assert [row["text"]["it"] for row in tree_of(room.idea.fields)["risks"]] == ["poche scuole", "poche case"]


def test_a_number_that_somebody_changed_meanwhile_is_refused_with_what_stands_there() -> None:
    room = drafted({"review_on": "2027"})
    assert not isinstance(edited(room, "c1", 1, review_on="2028"), Refusal)
    assert edited(room, "s1", 1, review_on="2028") == []
    refused = edited(room, "s1", 1, review_on="2029")
    assert refused == Refusal("changed_since", details={"field": "review_on", "current": "2028"})


def test_a_row_changed_in_two_of_its_values_at_once_keeps_both_changes() -> None:
    row = {"text": {"it": "Riunire gli uffici"}, "owner": "Noi"}
    room = drafted({"next_steps/s": row})
    base = {"next_steps/s": 1}
    room.phone("c1", "edit_idea", idea="idea", base=base, set={"next_steps/s": {**row, "due": "2027-03"}})
    room.phone("s1", "edit_idea", idea="idea", base=base, set={"next_steps/s": {**row, "owner": "Direzione"}})
    kept = room.idea.fields["next_steps/s"]
    assert (kept["due"], kept["owner"]) == ("2027-03", "Direzione")


def test_two_languages_of_one_text_are_two_people_s_work() -> None:
    room = drafted({"title": {"it": "Uno sportello"}})
    edited(room, "c1", 1, title={"en": "A desk"})
    edited(room, "s1", 1, title={"it": "Uno sportello nuovo"})
    assert room.idea.fields["title"] == {"it": "Uno sportello nuovo", "en": "A desk"}
    assert room.idea.origin["title"] == "it"


def test_a_row_taken_away_while_somebody_writes_in_it_is_not_taken_away() -> None:
    room = drafted({"risks/r": {"text": {"it": "poche imprese"}}})
    room.phone("c1", "edit_idea", idea="idea", base={"risks/r": 1}, set={"risks/r": {"text": "poche imprese qui"}})
    assert (
        code(room.phone("s1", "edit_idea", idea="idea", base={"risks/r": 1}, set={"risks/r": None})) == "changed_since"
    )
    room.phone("s1", "edit_idea", idea="idea", base={"risks/r": 2}, set={"risks/r": None})
    assert "risks/r" not in room.idea.fields and room.idea.versions["risks/r"] == 3


def test_a_fact_holds_only_the_words_of_who_wrote_it() -> None:
    room = drafted({"title": {"it": "Di Ada"}, "risks/r": {"text": {"it": "Di Ada"}, "mitigation": {"it": "Sua"}}})
    changes = {"title": {"en": "By Bruno"}, "risks/r": {"text": {"it": "Di Ada"}, "borne_by": "shared"}}
    [fact] = room.phone("c1", "edit_idea", idea="idea", base=dict.fromkeys(changes, 1), set=changes)
    assert "Di Ada" not in fact.model_dump_json() and fact.gone == ["risks/r.mitigation"]
    assert room.idea.fields["title"] == {"it": "Di Ada", "en": "By Bruno"}
    assert room.idea.fields["risks/r"] == {"uid": "r", "text": {"it": "Di Ada"}, "borne_by": "shared"}
    [fact] = room.phone("c1", "edit_idea", idea="idea", base={"title": 2}, set={"title": {"it": ""}})
    assert fact.gone == ["title.it"] and room.idea.fields["title"] == {"en": "By Bruno"}
    room.phone("c1", "settle_field", idea="idea", field="title")
    assert room.replayed() == room.state


def test_a_text_from_too_long_ago_is_kept_beside() -> None:
    room = drafted({"proposal": {"it": "prima"}})
    for n in range(1, 25):
        edited(room, "c1", n, proposal={"it": f"versione {n}"})
    edited(room, "s1", 1, proposal={"it": "del tutto diversa"})
    assert room.idea.variants["proposal"][0].value == {"it": "del tutto diversa"}
    assert len(room.idea.kept["proposal"]) == 20


def test_what_does_not_fit_is_refused_by_name() -> None:
    room = drafted()
    for fields, refused in (
        ({"nothing": 1}, "unknown_field"),
        ({"obstacles": {"text": "x"}}, "unknown_field"),
        ({"obstacles/bad uid": {}}, "unknown_field"),
        ({"domain": ["astrology"]}, "bad_value"),
        ({"cost_total": {"exact": 12.5}}, "bad_value"),
        ({"cost_total": {"exact": "1", "min": "1", "max": "2"}}, "bad_value"),
        ({"review_on": "2026-13"}, "bad_value"),
        ({"evidence/e": {"url": "javascript:alert(1)"}}, "bad_value"),
        ({"risks/r": {"uid": "another"}}, "bad_value"),
        ({"title": "x" * 121}, "too_long"),
        ({"proposal": "x" * 4001}, "too_long"),
        ({"risks/r": {"text": "x" * 4001}}, "too_long"),
        ({"confidentiality": "public"}, "organisers_only"),
    ):
        assert code(room.phone("c1", "edit_idea", idea="idea", set=fields)) == refused, fields
    assert not isinstance(room.desk("edit_idea", idea="idea", set={"confidentiality": "public"}), Refusal)


def test_steps_that_wait_for_each_other_are_refused() -> None:
    room = drafted({"next_steps/a": {"text": {"it": "A"}, "depends_on": ["b"]}})
    refused = room.phone("c1", "edit_idea", idea="idea", set={"next_steps/b": {"text": "B", "depends_on": ["a"]}})
    assert code(refused) == "cycle" and sorted(refused.details["steps"]) == ["a", "b"]


def test_a_list_has_an_end() -> None:
    room = drafted({f"risks/{n}": {"text": {"it": str(n)}} for n in range(100)})
    assert code(room.phone("c1", "edit_idea", idea="idea", set={"risks/more": {"text": "x"}})) == "too_many"


def test_only_the_idea_s_own_table_writes_where_the_setup_says_so() -> None:
    room = Room(editors="table")
    room.phone("c1", "new_idea", idea="idea", fields={"title": "Nostra"})
    assert code(edited(room, "s2", 1, title={"it": "Vostra"})) == "not_yours"
    assert not isinstance(edited(room, "s1", 1, title={"it": "Nostra e basta"}), Refusal)
    assert mine(room.state, Me("s2", table="2"))["edits"] == [] and mine(room.state, Me("s1", table="1"))["edits"] == [
        "idea"
    ]


def test_an_idea_for_organisers_answers_the_phones_like_one_that_never_was() -> None:
    room = drafted({"confidentiality": "organisers"})
    assert edited(room, "c1", 0, title={"it": "Ciao"}) == Refusal("unknown_idea")
    assert room.phone("c1", "edit_idea", idea="never", set={"title": "x"}) == Refusal("unknown_idea")
    assert view(room.state, "phone")["ideas"] == view(room.state, "wall")["ideas"] == []
    assert len(view(room.state, "desk")["ideas"]) == 1


def test_codes_count_up_and_an_id_is_taken_once() -> None:
    room = Room(prefix="MI-2026")
    for uid in ("a", "b"):
        room.phone("c1", "new_idea", idea=uid)
    assert [idea.code for idea in room.state.ideas.values()] == ["MI-2026-01", "MI-2026-02"]
    assert code(room.phone("c1", "new_idea", idea="a")) == "exists"


def test_the_first_words_at_a_table_make_a_draft_of_a_seed() -> None:
    room = Room()
    room.desk("new_idea", idea="idea", fields={}, sources=[{"field": "problem", "note": "n1", "number": 7}])
    before = room.idea
    assert before.state == "seed"
    edited(room, "c1", 0, title={"it": "Ora si scrive"})
    after = room.idea
    assert after.state == "draft" and after.sources[0].number == 7


# The life of an idea


def test_every_state_is_reached_and_only_the_ended_ones_lead_nowhere() -> None:
    states = get_args(IdeaState)
    assert len({(move.was, move.to) for move in MOVES}) == len(MOVES)
    reached = {"seed", "draft"}
    for _ in states:
        reached |= {move.to for move in MOVES if move.was in reached}
    assert reached == set(states)
    assert {state for state in states if not any(move.was == state for move in MOVES)} == set(ENDED)


@pytest.mark.parametrize(("was", "to"), list(product(get_args(IdeaState), repeat=2)))
def test_only_the_moves_of_the_table_pass(was: Any, to: Any) -> None:
    room = backed(in_review())
    answer = messages.IdeaAnswered(idea="idea", decision="accepted", text={"it": "Sì"}, office="Casa", date="2026")
    ideas = {"idea": replace(room.idea, state=was, answers=((answer, NOW),)), "other": Idea("other")}
    room.state = replace(room.state, ideas=ideas)
    said = room.desk(
        "move_idea", idea="idea", to=to, reason="done", explanation="Fatta", office="Casa", date="2026-12", into="other"
    )
    move = move_between(was, to)
    if move is None:
        assert said == [] if was == to else code(said) == "no_such_move"
    elif move.guard == "answer":
        assert code(said) == "answer_incomplete"
    else:
        assert not isinstance(said, Refusal) and room.idea.state == to
        assert (room.idea.version == 2) == move.freezes
        room.state = replace(room.state, ideas=ideas)
        by_phone = room.phone("c1", "move_idea", idea="idea", to=to)
        assert code(by_phone) == ("not_yours" if move.who == "desk" else None)


def test_review_needs_the_card_and_freezes_a_version_for_ever() -> None:
    room = drafted({"title": {"it": "Troppo poco per una scheda"}})
    refused = room.desk("move_idea", idea="idea", to="review")
    assert code(refused) == "not_complete"
    assert {"field": "problem", "rule": "problem_missing"} in refused.details["missing"]
    assert len(refused.details["missing"]) == 12
    room = in_review()
    [frozen] = room.idea.frozen
    assert frozen.version == room.idea.version == 1 and intact("idea", frozen)
    assert code(edited(room, "c1", 1, title={"it": "Di nascosto"})) == "frozen"
    room.desk("move_idea", idea="idea", to="draft")
    edited(room, "c1", 1, title={"it": "Un titolo del tutto nuovo"})
    room.desk("move_idea", idea="idea", to="review")
    assert [one.version for one in room.idea.frozen] == [1, 2] and room.idea.frozen[0] == frozen
    assert room.idea.frozen[1].sha256 != frozen.sha256
    assert room.replayed() == room.state


def test_canonical_json_has_one_way_to_write_a_thing() -> None:
    assert canonical({"b": "è", "a": [1, {"d": None, "c": "x y"}]}) == '{"a":[1,{"c":"x y","d":null}],"b":"è"}'


def test_publishing_is_refused_with_the_exact_missing_list() -> None:
    leaves = {path: value for path, value in sample.full().items() if path not in ("output_kind", "indicators/i2")}
    room = drafted(leaves)
    room.desk("move_idea", idea="idea", to="review")
    room.phone("c1", "endorse", idea="idea", version=1, level="support")
    refused = room.desk("move_idea", idea="idea", to="published")
    assert code(refused) == "not_complete"
    assert refused.details["missing"] == [
        {"field": "output_kind", "rule": "output_kind_missing"},
        {"field": "indicators", "rule": "performance_indicator_missing"},
        {"field": "endorsements", "rule": "endorsement_missing", "group": "social_innovators"},
    ]


def test_a_card_is_published_by_the_rules_of_a_card() -> None:
    room = drafted(sample.card(), form="card")
    room.desk("move_idea", idea="idea", to="review")
    assert not isinstance(backed(room).desk("move_idea", idea="idea", to="published"), Refusal)


def test_pay_by_result_with_the_verifier_among_the_paid_is_not_published_by_any_override() -> None:
    row = {**sample.full()["pbr_terms/p1"], "verifier_actor": "coop"}
    room = drafted({**sample.full(), "pbr_terms/p1": row})
    room.desk("move_idea", idea="idea", to="review")
    refused = backed(room).desk("move_idea", idea="idea", to="published", override="Lo vogliamo lo stesso")
    assert refused.details["missing"] == [
        {"field": "pbr_terms/p1.verifier_actor", "rule": "pbr_verifier_not_independent"}
    ]


def test_each_group_present_backs_it_or_the_facilitator_says_why_not() -> None:
    room = in_review()
    room.sizes = {"civil_servants": 6}
    room.phone("c1", "endorse", idea="idea", version=1, level="support")
    assert not isinstance(room.desk("move_idea", idea="idea", to="published"), Refusal)
    room = in_review()
    room.sizes = {"civil_servants": 6, "social_innovators": 1}
    room.phone("c1", "endorse", idea="idea", version=1, level="support")
    refused = room.desk("move_idea", idea="idea", to="published")
    assert refused.details["groups"] == ["social_innovators"] and code(refused) == "not_endorsed"
    assert code(room.desk("move_idea", idea="idea", to="published", override="  ")) == "not_endorsed"
    room.desk("move_idea", idea="idea", to="published", override="Chi innova è andato via prima")
    assert room.idea.state == "published" and room.idea.override == "Chi innova è andato via prima"


def test_an_answer_needs_its_parts_and_comes_once() -> None:
    room = backed(in_review())
    room.desk("move_idea", idea="idea", to="published")
    assert code(room.desk("move_idea", idea="idea", to="submitted")) == "office_needed"
    room.desk("move_idea", idea="idea", to="submitted", office="Direzione Casa", date="2026-12-01")
    assert outcome(room.state, room.idea)["days_waiting"] == 0
    answer = {
        "idea": "idea",
        "decision": "under_evaluation",
        "text": {"it": "Vediamo"},
        "office": "Casa",
        "date": "2027",
    }
    room.desk("answer_idea", **answer)
    assert (
        room.idea.state == "answered" and code(room.desk("move_idea", idea="idea", to="implementing")) == "not_accepted"
    )
    refused = room.desk("answer_idea", **{**answer, "decision": "accepted"})
    assert refused.details["missing"] == ["cost", "cost_report", "execution_period"]
    full = {"decision": "accepted", "cost": "50000", "cost_report": {"it": "Dal bilancio"}, "execution_period": "2027"}
    room.desk("answer_idea", **{**answer, **full})
    assert code(room.desk("answer_idea", **answer)) == "answered_already"
    assert not isinstance(room.desk("move_idea", idea="idea", to="implementing"), Refusal)
    assert [one["decision"] for one in outcome(room.state, room.idea)["answers"]] == ["under_evaluation", "accepted"]


def test_a_withdrawal_has_a_reason_and_an_explanation() -> None:
    room = in_review()
    assert code(room.desk("move_idea", idea="idea", to="withdrawn", reason="other")) == "withdrawal_reason"
    room.desk("move_idea", idea="idea", to="withdrawn", reason="duplicated", explanation="Come la 3")
    assert room.idea.withdrawal == ("duplicated", "Come la 3")


def test_a_merged_idea_is_found_behind_the_one_it_went_into() -> None:
    room = drafted(sample.card())
    room.desk("new_idea", idea="other")
    for into in ("idea", "nowhere"):
        assert code(room.desk("merge_ideas", idea="idea", into=into)) == "bad_target"
    room.desk("merge_ideas", idea="idea", into="other")
    assert room.idea.merged_into == "other" and room.idea.state == "merged"
    assert room.state.ideas["other"].sources[0].uid == "idea"
    assert code(room.desk("merge_ideas", idea="other", into="idea")) == "bad_target"


# Backing


def test_a_conditional_endorsement_is_to_reconfirm_after_a_new_version_and_stops_counting() -> None:
    room = in_review()
    conditions = [{"text": "Che ci sia un tutor", "degree": "must"}]
    room.phone("c1", "endorse", idea="idea", version=1, level="support_with_conditions", conditions=conditions)
    seen = view(room.state, "phone")["ideas"][0]
    assert (seen["endorsement"]["people"], seen["endorsement"]["disagree"]) == (1, 1)
    [condition] = seen["conditions"]
    room.desk("fulfil_condition", idea="idea", condition=condition["condition"])
    assert view(room.state, "phone")["ideas"][0]["endorsement"]["agree"] == 1
    room.desk("move_idea", idea="idea", to="draft")
    assert mine(room.state, Me("c1"))["endorsed"]["idea"]["standing"] == "to_reconfirm"
    room.desk("move_idea", idea="idea", to="review")
    found = view(room.state, "wall")["ideas"][0]["endorsement"]
    assert (found["people"], found["to_reconfirm"], found["agree"]) == (0, 1, 0)
    assert code(room.phone("c1", "endorse", idea="idea", version=1, level="support")) == "old_version"
    again = {"idea": "idea", "version": 2, "level": "support_with_conditions", "conditions": conditions}
    room.phone("c1", "endorse", **again)
    found = view(room.state, "wall")["ideas"][0]["endorsement"]
    assert (found["people"], found["to_reconfirm"], found["agree"]) == (1, 0, 1)
    assert mine(room.state, Me("c1"))["endorsed"]["idea"]["conditions"][0]["fulfilled"] is True


@pytest.mark.parametrize(
    ("level", "degree", "counts"),
    [
        ("support", None, "agree"), ("neutral", None, "pass"), ("object", None, "disagree"),
        ("support_with_conditions", "must", "disagree"), ("support_with_conditions", "must_not", "disagree"),
        ("support_with_conditions", "should", "pass"), ("support_with_conditions", "should_not", "pass"),
    ],
)  # fmt: skip
def test_what_a_backing_counts_as(level: str, degree: str | None, counts: str) -> None:
    room = in_review()
    conditions = [{"text": "x", "degree": degree}] if degree else []
    room.phone("c1", "endorse", idea="idea", version=1, level=level, conditions=conditions, reason="Perché sì")
    found = view(room.state, "desk")["ideas"][0]["endorsement"]
    assert {what: found[what] for what in ("agree", "pass", "disagree")} == {
        what: int(what == counts) for what in ("agree", "pass", "disagree")
    }


def test_a_person_backs_once_and_may_think_again() -> None:
    room = in_review()
    room.phone("c1", "endorse", idea="idea", version=1, level="support")
    assert room.phone("c1", "endorse", idea="idea", version=1, level="support") == []
    assert code(room.phone("c1", "endorse", idea="idea", version=1, level="object")) == "reason_needed"
    room.phone("c1", "endorse", idea="idea", version=1, level="object", reason="Costa troppo")
    assert len(room.idea.endorsements) == 1 and room.idea.endorsements["c1"].level == "object"
    room.phone("c1", "endorse", idea="idea", version=1, level=None)
    assert room.idea.endorsements == {}
    assert (
        code(room.phone("c1", "endorse", idea="idea", version=1, level="support_with_conditions")) == "condition_needed"
    )


def test_nobody_backs_a_draft_nor_without_a_name_that_lasts() -> None:
    room = drafted(sample.full())
    assert code(room.phone("c1", "endorse", idea="idea", version=1, level="support")) == "endorsing_closed"
    ask = messages.Endorse(idea="idea", version=1, level="support")
    anonymous = Moment(NOW, "phone", None, "token")
    assert decide(in_review().state, ask, anonymous) == Refusal("anonymous_here")


def many(civil: int, social: int) -> Room:
    room = in_review(sizes={"civil_servants": civil, "social_innovators": social})
    for n in range(civil):
        room.phone(f"c{n}", "endorse", idea="idea", version=1, level="support")
    for n in range(social):
        room.phone(f"s{n}", "endorse", idea="idea", version=1, level="object", reason="No")
    return room


def test_a_group_of_four_is_hidden_on_every_screen_and_in_the_export() -> None:
    room = many(8, 4)
    found = [idea["endorsement"] for s in ("phone", "wall", "desk") for idea in view(room.state, s)["ideas"]]
    for one in [*found, outcome(room.state, room.idea)["endorsement"]]:
        assert "by_group" not in one and "difference" not in one and one["class"] == "too_few_votes"
        assert one["people"] == 12


def test_two_groups_of_five_are_shown_side_by_side_with_their_class() -> None:
    one = outcome(many(5, 5).state, many(5, 5).idea)["endorsement"]
    assert [(row["group"], row["agree"], row["disagree"]) for row in one["by_group"]] == [
        ("civil_servants", 5, 0), ("social_innovators", 0, 5),
    ]  # fmt: skip
    assert one["class"] == "divisive" and one["difference"]["value"] == 1.0


def test_no_view_and_no_export_names_who_backed_argued_or_wrote() -> None:
    room = backed(in_review())
    room.phone("c1", "argue", idea="idea", argument="a1", side="for", text="Serve davvero")
    for shown in [*(view(room.state, screen) for screen in ("phone", "wall", "desk")), outcome(room.state, room.idea)]:
        assert '"c1"' not in json.dumps(shown) and '"s1"' not in json.dumps(shown)


def test_arguments_stand_side_by_side_and_belong_to_who_made_them() -> None:
    room = in_review()
    room.phone("c1", "argue", idea="idea", argument="a1", side="for", text="Serve davvero")
    assert code(room.phone("s1", "argue", idea="idea", argument="a1", side="against", text="No")) == "exists"
    assert code(room.phone("s1", "withdraw_argument", idea="idea", argument="a1")) == "not_yours"
    assert code(room.phone("s1", "argue", idea="idea", argument="a2", side="for", text=" \n")) == "empty"
    room.phone("c1", "argue", idea="idea", argument="a1", side="for", text="Serve, e subito")
    assert [one.text for one in room.idea.arguments] == ["Serve, e subito"]
    room.phone("c1", "withdraw_argument", idea="idea", argument="a1")
    assert room.idea.arguments == ()


# Afterwards


def test_a_step_and_an_indicator_go_on_after_the_text_stands_still() -> None:
    room = in_review()
    assert code(room.phone("c1", "set_step_status", idea="idea", step="meet", status="dropped")) == "reason_needed"
    room.phone("c1", "set_step_status", idea="idea", step="meet", status="done", evidence_url="https://example.org/v")
    assert room.phone("c1", "set_step_status", idea="idea", step="meet", status="done") == []
    reading = {"idea": "idea", "indicator": "i2", "reading": "x1", "date": "2027-01", "value": "12"}
    room.phone("s1", "add_reading", **reading)
    assert code(room.phone("s1", "add_reading", **reading)) == "exists"
    form = form_of(room.idea.fields)
    assert form.next_steps and form.next_steps[0].status == "done"
    assert form.indicators and form.indicators[1].readings and form.indicators[1].readings[0].value == "12"
    assert intact("idea", room.idea.frozen[0]) and room.replayed() == room.state


def test_sources_are_linked_and_taken_away_and_counted() -> None:
    room = drafted()
    for n in range(3):
        room.phone("c1", "link_source", idea="idea", field="problem", source={"note": f"n{n}", "own_group": GROUPS[0]})
    assert (
        room.phone("c1", "link_source", idea="idea", field="problem", source={"note": "n0", "own_group": GROUPS[0]})
        == []
    )
    assert code(room.phone("c1", "link_source", idea="idea", field="nothing", source={})) == "unknown_field"
    assert code(room.phone("c1", "link_source", idea="idea", field="problem", source={"who": "c1"})) == "bad_value"
    assert outcome(room.state, room.idea)["provenance"] == {"notes": 3, "sources": 3, "stages": [], "tables": []}
    room.phone("c1", "unlink_source", idea="idea", field="problem", thing="n1")
    assert [one.note for one in room.idea.sources] == ["n0", "n2"]


def test_an_outcome_fits_its_schema_and_is_taken_in_without_loss() -> None:
    room = backed(in_review(prefix="MI-2026"))
    room.phone("c1", "argue", idea="idea", argument="a1", side="against", text="Costa")
    room.desk("link_source", idea="idea", field="problem", source={"note": "n1", "stage": "board", "number": 12})
    room.desk("move_idea", idea="idea", to="published")
    room.desk("move_idea", idea="idea", to="submitted", office="Casa", date="2027")
    left = outcome(room.state, room.idea)
    whole = schema()
    assert whole["$schema"].endswith("2020-12/schema")
    jsonschema_rs.Draft202012Validator(whole).validate(json.loads(json.dumps(left)))
    IdeaOutcome.model_validate_json(json.dumps(left))
    path = Room()
    assert not isinstance(path.desk("take_in_idea", outcome=left), Refusal)
    again = outcome(path.state, path.idea)
    differ = {name for name in left if left[name] != again.get(name)}
    # Who backed it stays behind, how many did comes along; and the day on which it was taken in is another.
    assert differ <= {"updated_at"}
    assert not path.idea.endorsements and again["endorsement"]["agree"] == 2
    assert code(path.desk("take_in_idea", outcome=left)) == "exists" and path.replayed() == path.state


def test_a_phone_asks_for_nothing_that_is_the_facilitator_s() -> None:
    room = in_review()
    for do, fields in (
        ("merge_ideas", {"into": "other"}),
        ("fulfil_condition", {"condition": "c"}),
        ("answer_idea", {"decision": "rejected", "text": {"it": "No"}, "office": "Casa", "date": "2027"}),
    ):
        assert code(room.phone("c1", do, idea="idea", **fields)) == "not_for_you"


def test_whole_groups_and_lists_are_taken_apart() -> None:
    room = drafted()
    whole = {"area": {"name": "Corvetto", "scope": "district"}, "risks": [{"uid": "a", "text": "Uno"}]}
    room.phone("c1", "edit_idea", idea="idea", set=whole)
    assert set(room.idea.fields) == {"area.name", "area.scope", "risks/a"}
    assert spread(tree_of(sample.full())) == sample.full()
    assert leaves_of(tree_of(sample.full())) == sample.full()
    assert all(read(path, value) is not None for path, value in sample.full().items())
