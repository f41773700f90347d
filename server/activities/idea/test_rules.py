"""Ideas written together: who writes where, what becomes of two people's words, what is missing, who backs which version."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ...drawing import Words
from ..contract import Opening, Refusal
from ..contract.idea import codes, fields
from ..contract.rehearsal import NINE_OCLOCK, Rehearsal, Somebody
from ..contract.rehearse import sample_of
from . import messages, rules
from .messages import OWN, IdeaEdited, own_fact, plain_fact
from .shown import READABLE, SECTIONS, questions

GROUPS = ("civil_servants", "social_innovators")
PEOPLE = {
    "ada": Somebody("civil_servants", "1", "it"),
    "bruno": Somebody("social_innovators", "1", "en"),
    "carla": Somebody("civil_servants", "2", "it"),
    "dario": Somebody("social_innovators", "2", "it"),
    "elsa": Somebody("social_innovators", None, "it"),
}
CARD: dict[str, Any] = {
    "title": {"it": "Fondo comune di garanzia"},
    "summary": {"it": "Il Comune e le cooperative garantiscono chi cerca casa."},
    "domain": ["housing"],
    "problem": {"it": "Chi ha un lavoro a termine non trova casa."},
    "target_group.label": {"it": "giovani sotto i 35 anni"},
    "area.scope": "municipality",
    "area.name": "Milano",
    "proposal": {"it": "Un fondo che copre dodici mesi di canone."},
    "actors/city": {"name": "Politiche sociali", "sector": "public", "role": "lead"},
    "actors/coop": {"name": "Cooperativa Abitare", "sector": "third_sector", "role": "provider"},
    "obstacles/trust": {
        "text": {"it": "I proprietari non si fidano."},
        "overcome": [{"uid": "one", "text": {"it": "Un referente unico."}}],
    },
    "next_steps/rules": {"text": {"it": "Scrivere le regole"}, "owner": "Politiche sociali", "due": "2099-01"},
}
DRAFT: dict[str, Any] = {
    "kind": "idea_draft",
    "idea": "draft_1",
    "board": "torino_chain",
    "table": "1",
    "fields": {"title": "Casa ai giovani"},
    "notes": [
        {"note": "n1", "zone": "challenges", "role": "challenge", "sets": {}, "text": "Affitti troppo alti",
         "own_group": "civil_servants", "number": 7},
        {"note": "n2", "zone": "obstacles", "role": "obstacle", "sets": {}, "text": "I proprietari non si fidano",
         "number": 8},
        {"note": "n3", "zone": "overcome", "role": "overcome", "sets": {}, "text": "Un fondo di garanzia", "number": 9,
         "links": ["n2"]},
    ],
    "number": 12,
}  # fmt: skip


def stage(people: Any = PEOPLE, given: Any = None, tables: Any = ("1", "2"), **setup: Any) -> Any:
    room = Rehearsal(rules, messages, {"form": "card", "per": "table"} | setup, people=dict(people))
    opening = Opening(given or {}, {label: [] for label in tables}, room.sizes, GROUPS, ("it", "en"), NINE_OCLOCK)
    room.state = rules.opened(room.state, opening)
    return room


def written(who: str = "ada", **more: Any) -> Any:
    room = stage(**more)
    assert not isinstance(room.phone(who, "new_idea", idea="fund", fields=CARD), Refusal)
    return room


def card(room: Any, who: str = "ada") -> Any:
    return room.mine(who)["cards"][0]


def in_review(**more: Any) -> Any:
    room = written(**more)
    assert not isinstance(room.desk("move_idea", idea="fund", to="review"), Refusal)
    return room


def row(room: Any, screen: str = "phone") -> Any:
    return room.view(screen)["ideas"][0]


# Writing


def test_two_people_of_a_table_edit_two_fields_and_both_stay() -> None:
    room = written()
    room.phone("ada", "edit_idea", idea="fund", base={"problem": 1}, set={"problem": {"it": "Gli affitti sono alti."}})
    room.phone("bruno", "edit_idea", idea="fund", base={"area.name": 1}, set={"area.name": "Torino"})
    assert card(room)["fields"]["problem"] == {"it": "Gli affitti sono alti."}
    assert card(room)["fields"]["area.name"] == "Torino"
    assert card(room) == card(room, "bruno")


def test_words_far_apart_in_one_field_are_joined() -> None:
    room = written()
    text = {"it": "Un fondo pubblico che copre dodici mesi di canone."}
    room.phone("ada", "edit_idea", idea="fund", base={"proposal": 1}, set={"proposal": text})
    text = {"it": "Un fondo che copre dodici mesi di canone e di spese."}
    room.phone("bruno", "edit_idea", idea="fund", base={"proposal": 1}, set={"proposal": text})
    assert card(room)["fields"]["proposal"] == {"it": "Un fondo pubblico che copre dodici mesi di canone e di spese."}
    assert card(room)["variants"] == {}


def test_the_same_words_changed_twice_stay_in_two_wordings_until_the_table_chooses() -> None:
    room = written()
    for who, text in (("ada", "Una cassa che copre dodici mesi."), ("bruno", "Un patto che copre dodici mesi.")):
        room.phone(who, "edit_idea", idea="fund", base={"proposal": 1}, set={"proposal": {"it": text}})
    assert card(room)["fields"]["proposal"] == {"it": "Una cassa che copre dodici mesi."}
    (other,) = card(room)["variants"]["proposal"]
    assert other["value"] == {"it": "Un patto che copre dodici mesi."}
    assert room.desk("move_idea", idea="fund", to="review").details["missing"] == [
        {"field": "proposal", "rule": "two_wordings"}
    ]
    room.phone("ada", "settle_field", idea="fund", field="proposal", variant=other["variant"], keep="mine")
    assert card(room)["fields"]["proposal"] == {"it": "Un patto che copre dodici mesi."}
    assert card(room)["variants"] == {}


def test_a_person_of_another_table_can_neither_write_nor_read_a_text_that_is_being_written() -> None:
    room = written()
    ask: dict[str, Any] = {"idea": "fund", "base": {"problem": 1}, "set": {"problem": {"it": "Altro"}}}
    assert room.phone("carla", "edit_idea", **ask) == Refusal("not_yours")
    assert room.mine("carla")["cards"] == []
    assert card(room)["fields"]["problem"] == CARD["problem"]


def test_phones_share_no_text_of_a_draft_beside_its_title() -> None:
    room = written()
    for screen in ("phone", "wall"):
        shown = json.dumps(room.view(screen)["ideas"], ensure_ascii=False)
        assert "Fondo comune di garanzia" in shown
        for path, value in CARD.items():
            if path != "title":
                for text in [value] if isinstance(value, str) else [*value.values()] if isinstance(value, dict) else []:
                    assert not isinstance(text, str) or len(text) < 12 or text not in shown, path


def test_who_sits_at_no_table_chooses_one_before_an_idea() -> None:
    assert stage().phone("elsa", "new_idea", idea="mine") == Refusal("table_first")


def test_where_the_room_writes_together_everybody_writes_every_idea() -> None:
    room = written("elsa", per="room")
    ask: dict[str, Any] = {"idea": "fund", "base": {"area.name": 1}, "set": {"area.name": "Lodi"}}
    assert not isinstance(room.phone("carla", "edit_idea", **ask), Refusal)
    assert [len(room.mine(who)["cards"]) for who in PEOPLE] == [1] * 5


def test_a_group_may_be_the_only_one_that_writes() -> None:
    room = written(editors=["civil_servants"])
    ask: dict[str, Any] = {"idea": "fund", "base": {"area.name": 1}, "set": {"area.name": "Lodi"}}
    assert room.phone("bruno", "edit_idea", **ask) == Refusal("not_yours")
    assert room.mine("bruno")["begins"] is False
    assert not isinstance(room.phone("carla", "edit_idea", **ask), Refusal)


def test_a_table_begins_no_more_ideas_than_it_could_write() -> None:
    room = stage()
    for n in range(rules.BEGUN):
        assert not isinstance(room.phone("ada", "new_idea", idea=f"idea_{n}"), Refusal)
    assert room.phone("bruno", "new_idea", idea="more").code == "too_many_ideas"
    assert not isinstance(room.phone("carla", "new_idea", idea="other_table"), Refusal)


def test_the_stage_holds_no_more_ideas_than_its_setup_says() -> None:
    room = stage(ideas_max=1)
    room.desk("new_idea", idea="one", table="1")
    assert room.desk("new_idea", idea="two", table="1") == Refusal("too_many_ideas", details={"most": 1})


def test_a_changed_text_reaches_the_own_part_of_everybody_who_writes_it() -> None:
    room = written()
    (fact,) = room.phone("ada", "edit_idea", idea="fund", base={"area.name": 1}, set={"area.name": "Lodi"})
    assert isinstance(fact, IdeaEdited)
    assert fact.touches == "all"
    assert plain_fact(fact) == next(kind for kind in OWN if kind.kind == "idea_edited").model_validate(
        fact.model_dump()
    )
    assert own_fact(plain_fact(fact)) == fact


# Drafts from a board


def test_a_draft_from_a_board_becomes_an_idea_once_however_often_the_stage_opens() -> None:
    room = stage(given={"chain": [DRAFT]})
    first = room.state.ideas.ideas
    assert list(first) == ["draft_1"]
    again = Opening({"chain": [DRAFT]}, {"1": []}, room.sizes, GROUPS, ("it", "en"), NINE_OCLOCK + 60_000)
    room.phone("ada", "edit_idea", idea="draft_1", base={"problem": 1}, set={"problem": {"it": "Il canone è alto"}})
    room.state = rules.opened(room.state, again)
    assert list(room.state.ideas.ideas) == ["draft_1"]
    assert card(room)["fields"]["problem"] == {"it": "Il canone è alto"}


def test_a_draft_brings_its_fields_and_the_notes_behind_each_of_them() -> None:
    room = stage(given={"chain": [DRAFT]})
    made = card(room)
    assert made["fields"]["title"] == {"it": "Casa ai giovani"}
    assert made["fields"]["problem"] == {"it": "Affitti troppo alti"}
    assert made["fields"]["obstacles/n2"]["overcome"][0]["text"] == {"it": "Un fondo di garanzia"}
    assert made["chips"]["problem"] == [{"text": "Affitti troppo alti", "group": "civil_servants", "number": 7}]
    assert made["table"] == "1"
    assert room.mine("carla")["cards"] == []


def test_a_note_that_was_erased_is_no_chip_any_more() -> None:
    kept = {**DRAFT, "notes": DRAFT["notes"][1:]}
    assert "problem" not in card(stage(given={"chain": [kept]}))["chips"]


def test_a_draft_of_the_whole_rooms_board_may_be_written_by_every_table() -> None:
    room = stage(given={"chain": [{name: value for name, value in DRAFT.items() if name != "table"}]})
    ask: dict[str, Any] = {"idea": "draft_1", "base": {"problem": 1}, "set": {"problem": {"it": "Il canone è alto"}}}
    assert not isinstance(room.phone("carla", "edit_idea", **ask), Refusal)
    assert len(room.mine("dario")["cards"]) == 1


def test_an_idea_of_an_earlier_stage_is_taken_in_whole_and_before_its_draft() -> None:
    first = stage(given={"chain": [DRAFT]})
    first.phone("ada", "edit_idea", idea="draft_1", base={"problem": 1}, set={"problem": {"it": "Il canone è alto"}})
    second = stage(given={"chain": [DRAFT], "write": rules.outcomes(first.state)})
    assert card(second)["fields"]["problem"] == {"it": "Il canone è alto"}
    assert card(second)["chips"]["problem"][0]["text"] == "Affitti troppo alti"


@pytest.mark.parametrize("draft", [{}, {"idea": "x", "notes": None}, {"idea": 7, "fields": {"title": 3}, "notes": [1]}])
def test_a_draft_that_makes_no_sense_stops_nothing(draft: Any) -> None:
    room = stage(given={"chain": [{"kind": "idea_draft", **draft}, DRAFT, {"kind": "idea", "idea": "half"}]})
    assert "draft_1" in room.state.ideas.ideas


# Review, backing, publishing


def test_an_idea_that_lacks_something_is_refused_with_every_missing_rule_by_name() -> None:
    room = stage()
    lacking = {path: value for path, value in CARD.items() if path not in ("domain", "actors/coop", "next_steps/rules")}
    room.phone("ada", "new_idea", idea="fund", fields=lacking)
    refused = room.desk("move_idea", idea="fund", to="review")
    missing = [
        {"field": "domain", "rule": "domain_missing"},
        {"field": "actors", "rule": "actor_non_public_missing"},
        {"field": "next_steps", "rule": "next_step_missing"},
    ]
    assert refused.code == "not_complete"
    assert refused.details["missing"] == missing
    assert row(room, "desk")["missing"] == missing
    assert card(room)["missing"] == missing
    assert card(room)["ready"] == 7


def test_the_whole_form_is_refused_for_publication_although_its_card_is_complete() -> None:
    room = in_review(form="full")
    refused = room.desk("move_idea", idea="fund", to="published")
    assert refused.code == "not_complete"
    rules_missing = [one["rule"] for one in refused.details["missing"]]
    assert {"form_missing", "financing_missing", "output_kind_missing", "endorsement_missing"} <= set(rules_missing)


def test_publishing_needs_a_supporter_in_each_group_present() -> None:
    room = in_review()
    room.phone("carla", "endorse", idea="fund", version=1, level="support")
    refused = room.desk("move_idea", idea="fund", to="published")
    assert refused.code == "not_endorsed"
    assert refused.details["groups"] == ["social_innovators"]
    assert row(room, "desk")["lacking"] == ["social_innovators"]
    room.phone("dario", "endorse", idea="fund", version=1, level="support")
    assert not isinstance(room.desk("move_idea", idea="fund", to="published"), Refusal)
    assert row(room)["state"] == "published"


def test_the_desk_publishes_without_one_group_only_with_a_reason_that_is_kept() -> None:
    room = in_review()
    room.desk("move_idea", idea="fund", to="published", override="Gli innovatori sono usciti prima")
    assert row(room, "desk")["override"] == "Gli innovatori sono usciti prima"


def test_in_review_everybody_reads_the_text_and_nobody_changes_it() -> None:
    room = in_review()
    assert row(room)["fields"]["problem"] == CARD["problem"]
    ask: dict[str, Any] = {"idea": "fund", "base": {"problem": 1}, "set": {"problem": {"it": "Altro"}}}
    assert room.phone("ada", "edit_idea", **ask).code == "frozen"
    assert room.mine("ada")["cards"] == []


def test_a_conditional_endorsement_waits_for_its_person_after_a_new_version() -> None:
    room = in_review()
    condition = {"text": "Il bilancio è pubblico", "degree": "must"}
    room.phone("dario", "endorse", idea="fund", version=1, level="support_with_conditions", conditions=[condition])
    assert row(room)["endorsement"]["people"] == 1
    room.desk("move_idea", idea="fund", to="draft")
    room.phone("ada", "edit_idea", idea="fund", base={"area.name": 1}, set={"area.name": "Lodi"})
    room.desk("move_idea", idea="fund", to="review")
    own = room.mine("dario")["endorsed"]["fund"]
    assert own["standing"] == "to_reconfirm"
    assert (row(room)["endorsement"]["people"], row(room)["endorsement"]["to_reconfirm"]) == (0, 1)
    again = [{"text": one["text"], "degree": one["degree"]} for one in own["conditions"]]
    room.phone("dario", "endorse", idea="fund", version=2, level=own["level"], conditions=again)
    assert room.mine("dario")["endorsed"]["fund"]["standing"] == "counts"
    assert row(room)["endorsement"]["people"] == 1


def crowd(each: int) -> dict[str, Somebody]:
    return {f"{group[0]}{n}": Somebody(group, "1", "it") for group in GROUPS for n in range(each)} | PEOPLE


def test_backing_is_told_by_group_only_where_each_has_five_answers() -> None:
    room = in_review(people=crowd(5))
    for n in range(5):
        room.phone(f"c{n}", "endorse", idea="fund", version=1, level="support")
    for n in range(4):
        room.phone(f"s{n}", "endorse", idea="fund", version=1, level="neutral")
    assert "by_group" not in row(room)["endorsement"]
    room.phone("s4", "endorse", idea="fund", version=1, level="object", reason="Costa troppo")
    told = {one["group"]: (one["agree"], one["pass"], one["disagree"]) for one in row(room)["endorsement"]["by_group"]}
    assert told == {"civil_servants": (5, 0, 0), "social_innovators": (0, 4, 1)}


def test_the_desk_counts_who_backed_while_something_is_in_review() -> None:
    room = written()
    assert rules.answered(room.state)["taking"] is False
    assert rules.answered(room.state)["voters"] == ["ada"]
    room.desk("move_idea", idea="fund", to="review")
    room.phone("dario", "endorse", idea="fund", version=1, level="support")
    found = rules.answered(room.state)
    assert (found["answered"], found["by_group"], found["taking"]) == (1, {"social_innovators": 1}, True)


def test_points_for_and_against_stand_beside_each_other_without_a_name() -> None:
    room = in_review()
    room.phone("carla", "argue", idea="fund", argument="one", side="for", text="Si può cominciare subito")
    room.phone("dario", "argue", idea="fund", argument="two", side="against", text="Chi paga dopo?")
    assert [one["side"] for one in row(room)["arguments"]] == ["for", "against"]
    assert room.mine("carla")["arguments"] == ["one"]
    assert room.phone("carla", "withdraw_argument", idea="fund", argument="two") == Refusal("not_yours")


def test_what_only_organisers_may_read_is_on_the_desk_alone() -> None:
    room = written()
    room.desk("edit_idea", idea="fund", base={}, set={"confidentiality": "organisers"})
    assert room.view("phone")["ideas"] == []
    assert room.view("wall")["ideas"] == []
    assert room.mine("ada")["cards"] == []
    assert row(room, "desk")["idea"] == "fund"


# The desk and the wall


def test_the_wall_presents_the_idea_that_the_desk_shows_and_then_all_of_them_again() -> None:
    room = in_review()
    assert room.view("wall")["shown"] is None
    room.desk("show_idea", idea="fund")
    assert room.view("wall")["shown"] == "fund"
    assert room.desk("show_idea", idea="fund") == []
    room.desk("show_idea", idea=None)
    assert room.view("wall")["shown"] is None
    assert room.ask("phone", "show_idea", "ada", idea="fund") == Refusal("not_for_you")


def test_the_desk_opens_one_idea_with_its_whole_form_and_reads_its_payment_rule_back() -> None:
    room = written()
    term = {
        "social_outcome": {"it": "tiene la casa"}, "unit": "person", "pricing": "per_unit",
        "price_per_unit": {"exact": "900"}, "cap": {"exact": "9000"}, "payer_actor": "city", "payee_actor": "coop",
        "verifier_actor": "coop",
    }  # fmt: skip
    room.desk("edit_idea", idea="fund", base={}, set={"pbr_terms/rent": term})
    assert "open" not in room.view("desk")
    room.desk("open_idea", idea="fund")
    read = room.view("desk")["open"]["reading"]["terms"]["rent"]
    assert read["independence"] == "not_independent"
    assert [one["pay"] for one in read["boundaries"] if one["side"] == "at"] == ["9000.00"]
    assert "open" not in room.view("phone")


# The setup


def test_an_anonymous_stage_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValidationError, match="endorsement follows its person"):
        rules.start(messages.Setup(), "anonymous")


def test_one_table_cannot_be_the_writer_where_the_room_writes_together() -> None:
    with pytest.raises(ValidationError, match="no table can be the only one"):
        messages.Setup(per="room", editors="table")


def test_every_field_of_the_form_stands_in_one_section() -> None:
    tops = sorted({path.partition(".")[0] for path in fields.LEAVES})
    assert sorted(top for _, inside in SECTIONS for top in inside) == tops
    assert set(READABLE) <= set(codes.values_of("state"))


def test_a_card_asks_for_its_ten_fields_and_for_nothing_else() -> None:
    asked = questions("card")
    assert sorted({path.partition(".")[0] for path in asked["leaves"]}) == sorted(fields.CARD)
    assert [one["path"] for one in asked["leaves"]["next_steps"]["row"]] == ["text", "owner", "due"]
    assert len(questions("desk")["leaves"]) > len(questions("card")["leaves"])


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_section_and_month_has_its_words(language: str) -> None:
    words = Words(language, tomllib.loads((Path(__file__).parent / f"words.{language}.toml").read_text("utf-8")))
    for name, _ in SECTIONS:
        assert words(f"shown.section.{name}")
    assert len({words(f"shown.month.{n:02d}") for n in range(1, 13)}) == 12


# Simulated people


def test_simulated_people_fill_a_card_back_it_and_are_never_refused_for_what_they_may_not_do() -> None:
    sample = messages_sample()
    room = stage(people=crowd(3))
    seed = 7
    for turn in range(400):
        for who in ("ada", "bruno", "c0", "s0"):
            seed = seed * 6364136223846793005 % (1 << 62) + turn
            done = rules.rehearse(room.view("phone"), room.mine(who), seed, sample)
            if done is not None:
                answer = room.phone(who, done[0], **done[1])
                assert not isinstance(answer, Refusal) or answer.code in ("changed_since", "too_many_ideas"), answer
        if room.view("phone")["ideas"] and not row(room, "desk")["missing"] and row(room)["state"] == "draft":
            room.desk("move_idea", idea=row(room)["idea"], to="review")
    assert row(room)["state"] == "review"
    assert row(room)["endorsement"]["people"] >= 3
    assert row(room)["arguments"]


def messages_sample() -> Any:
    whole = tomllib.loads((Path(__file__).parent / "sample.toml").read_text("utf-8"))
    return sample_of(whole["rehearsal"], "it", "2026-11-22")


def test_forty_phones_are_shown_one_reading_of_a_card_until_it_changes() -> None:
    room = written()
    assert card(room) is card(room, "bruno")
    before = card(room)
    room.phone("ada", "edit_idea", idea="fund", base={"area.name": 1}, set={"area.name": "Lodi"})
    assert card(room) is not before
