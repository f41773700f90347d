"""What is missing, by name; the money; the matrix; steps and indicators."""

from typing import Any

import pytest

from . import sample
from .completeness import RULES, Circumstances, completeness, hints
from .fields import form_of, leaves_of, tree_of
from .financing import cycle, matrix, status, totals
from .model import Indicator, NextStep, PolicyIdea

AROUND = Circumstances(languages=("it", "en"), day="2026-11-22")


def missing(leaves: dict[str, Any], form: Any = "full", around: Circumstances = AROUND) -> list[tuple[str, str]]:
    found = completeness(form_of(leaves), form, around)
    assert found["required"] == found["met"] + len(found["missing"])
    return [(one["field"], one["rule"]) for one in found["missing"]]


def warned(leaves: dict[str, Any]) -> list[str]:
    return [one["rule"] for one in completeness(form_of(leaves), "full", AROUND)["warnings"]]


def changed(**fields: Any) -> dict[str, Any]:
    """The full sample with some fields of the tree replaced."""
    return leaves_of({**tree_of(sample.full()), **fields})


def rule_with(**fields: Any) -> dict[str, Any]:
    row = {**tree_of(sample.full())["pbr_terms"][0], **fields}
    return {**sample.full(), "pbr_terms/p1": {name: value for name, value in row.items() if value is not None}}


def test_the_samples_are_complete() -> None:
    assert missing(sample.card(), "card") == [] and missing(sample.full()) == []


def test_an_empty_card_names_every_rule_of_its_ten_fields() -> None:
    assert missing({}, "card") == [
        ("title", "title_missing"),
        ("summary", "summary_missing"),
        ("domain", "domain_missing"),
        ("problem", "problem_missing"),
        ("target_group.label", "target_group_missing"),
        ("area.scope", "area_scope_missing"),
        ("area.name", "area_name_missing"),
        ("proposal", "proposal_missing"),
        ("actors", "actor_public_missing"),
        ("actors", "actor_non_public_missing"),
        ("actors", "lead_missing"),
        ("obstacles", "obstacle_missing"),
        ("next_steps", "next_step_missing"),
    ]


def test_a_card_lacks_of_the_full_form_exactly_these() -> None:
    assert missing(sample.card()) == [
        ("evidence", "evidence_missing"),
        ("objectives", "objective_missing"),
        ("output_kind", "output_kind_missing"),
        ("theory_of_change.social_outcomes", "social_outcome_missing"),
        ("collaboration_form.kind", "form_missing"),
        ("financing", "financing_missing"),
        ("indicators", "process_indicator_missing"),
        ("indicators", "performance_indicator_missing"),
    ]


ROWS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"title": {"it": "Breve"}}, [("title", "title_length")]),
    ({"title": {"en": "Only in the other language"}}, [("title", "main_language_missing")]),
    ({"summary": {"it": "x" * 401}}, [("summary", "summary_length")]),
    ({"actors": [{"uid": "a", "name": "A", "sector": "public", "role": "lead"},
                 {"uid": "b", "name": "B", "sector": "third_sector", "role": "lead"}], "pbr_terms": None,
      "collaboration_form": {"kind": "none"}, "financing": [{"uid": "f", "source": "regional"}]},
     [("actors", "lead_several")]),
    ({"obstacles": [{"uid": "x", "text": {"it": "Buco"}}]}, [("obstacles/x", "overcome_missing")]),
    ({"next_steps": [{"uid": "x", "text": {"it": "Fare"}, "owner": "Noi"}]}, [("next_steps", "next_step_owner_date")]),
    ({"next_steps": [{"uid": "x", "text": {"it": "Fare"}, "owner": "Noi", "due": "2026-10"}]},
     [("next_steps", "next_step_past")]),
    ({"output_kind": "pilot", "pilot": {"test": {"it": "Sei mesi"}}},
     [("pilot.hypothesis", "pilot_missing"), ("pilot.stop_or_go", "pilot_missing")]),
    ({"collaboration_form": {"kind": "undecided", "options_considered": ["ppp", "ppp", "undecided"]}},
     [("collaboration_form.options_considered", "form_options_missing")]),
    ({"pbr_terms": None}, [("pbr_terms", "pbr_missing")]),
    ({"pbr_terms": None, "financing": [{"uid": "f", "source": "regional"}]}, [("pbr_terms", "pbr_missing")]),
    ({"risks": [{"uid": "r", "text": {"it": "Senza chi lo sopporta"}}]}, [("risks", "risk_missing")]),
    ({"target_group": {"label": {"it": "Giovani"}}}, [("target_group.estimated_number", "target_number_missing")]),
    ({"confidentiality": "public", "licence": ""}, [("licence", "licence_missing")]),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), ROWS)
def test_each_hole_is_named_and_nothing_else(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert missing(changed(**fields)) == expected


TERM: list[tuple[dict[str, Any], str, str]] = [
    ({"metric": None}, "metric", "pbr_metric_missing"),
    ({"unit": None}, "unit", "pbr_unit_missing"),
    ({"unit": "other"}, "unit", "pbr_unit_missing"),
    ({"target_population": None}, "target_population", "pbr_population_missing"),
    ({"cohort_size": None}, "cohort_size", "pbr_cohort_missing"),
    ({"baseline": None}, "baseline", "pbr_baseline_missing"),
    ({"target_value": None}, "target_value", "pbr_target_missing"),
    ({"payer_actor": "nobody"}, "payer_actor", "pbr_payer_missing"),
    ({"price_per_unit": None}, "pricing", "pbr_pricing_missing"),
    ({"pricing": "linear_between", "threshold_min": "40"}, "pricing", "pbr_pricing_order"),
    ({"cap": {"min": "1", "max": "2"}}, "cap", "pbr_cap_missing"),
    ({"horizon_end": None}, "horizon_end", "pbr_horizon_missing"),
    ({"safeguards": {"gaming": {"it": ""}}}, "safeguards", "pbr_safeguard_missing"),
    ({"verifier_actor": None}, "verifier_actor", "pbr_verifier_missing"),
    ({"verifier_actor": "coop"}, "verifier_actor", "pbr_verifier_not_independent"),
]


@pytest.mark.parametrize(("fields", "field", "rule"), TERM)
def test_each_hole_of_a_payment_rule_is_named(fields: dict[str, Any], field: str, rule: str) -> None:
    assert missing(rule_with(**fields)) == [(f"pbr_terms/p1.{field}", rule)]


def test_a_baseline_may_be_a_promise_of_how_it_will_be_measured() -> None:
    assert missing(rule_with(baseline=None, baseline_how={"it": "Con un questionario a marzo"})) == []


def test_three_linked_notes_stand_for_evidence() -> None:
    without = changed(evidence=None)
    assert missing(without, around=Circumstances(("it",), "2026-11-22", linked_notes=2)) == [
        ("evidence", "evidence_missing")
    ]
    assert missing(without, around=Circumstances(("it",), "2026-11-22", linked_notes=3)) == []


def test_a_field_with_two_wordings_waits_for_a_choice() -> None:
    around = Circumstances(("it",), "2026-11-22", two_wordings=("title",))
    assert missing(sample.card(), "card", around) == [("title", "two_wordings")]


def test_every_rule_can_be_missed() -> None:
    """A rule that no form can miss would be no rule; `endorsement_missing` is the rules' own."""
    named = {rule for fields, rows in ROWS for _, rule in rows} | {rule for _, _, rule in TERM}
    named |= {rule for _, rule in missing({}, "card") + missing(sample.card())} | {
        "two_wordings",
        "endorsement_missing",
    }
    assert named == set(RULES)


def test_warnings_do_not_block() -> None:
    assert "needs_missing" in warned(changed(needs=None))
    assert "other_language_missing" in warned(changed(problem={"it": "Solo in italiano"}))
    assert "pbr_verifier_is_payer" in warned(rule_with(verifier_actor="city"))
    assert missing(rule_with(verifier_actor="city")) == []
    assert "capital_missing" in warned(changed(collaboration_form={"kind": "social_impact_bond"}))
    procurement = changed(collaboration_form={"kind": "procurement", "risk_holder": "shared"})
    assert "procurement_risk" in warned(procurement)
    assert [one["hint"] for one in hints(form_of(procurement))] == ["procurement_risk", "pay_by_result_caution"]


def test_money_adds_up_with_a_range_at_its_least() -> None:
    found = totals(form_of(sample.full()))
    assert (found["secured"], found["gap"], found["coverage"]) == ("70000.00", "30000.00", 700)
    assert (found["units"], found["cost_per_unit"]) == (60, "1666.67")
    assert found["warnings"] == []


def test_lines_above_the_cost_and_in_another_currency_are_told() -> None:
    lines = [
        {"uid": "a", "source": "regional", "amount": {"exact": "100000.01"}, "status": "hypothesis"},
        {"uid": "b", "source": "eu_fund", "amount": {"exact": "5", "currency": "CHF"}, "status": "received"},
        {"uid": "c", "source": "donations"},
    ]
    found = totals(form_of(changed(financing=lines)))
    assert found["warnings"] == ["lines_above_cost", "not_secured", "other_currency", "line_without_amount"]
    assert (found["planned"], found["secured"]) == ("100000.01", "0.00")
    assert "coverage" not in totals(PolicyIdea())


def test_the_matrix_goes_from_challenge_to_action_and_shows_its_holes() -> None:
    idea = form_of(
        leaves_of(
            {
                "problem": {"it": "Il problema"},
                "challenges": [
                    {"uid": "c1", "text": {"it": "Sfida"}, "projects": ["Ponte"]},
                    {"uid": "c2", "text": {"it": "Senza ostacoli"}},
                ],
                "obstacles": [
                    {"uid": "o1", "challenge": "c1", "text": {"it": "A"},
                     "overcome": [{"uid": "w", "text": {"it": "Via"}, "action": "s1"}]},
                    {"uid": "o2", "challenge": "gone", "text": {"it": "B"}},
                ],
                "next_steps": [{"uid": "s1", "text": {"it": "Passo"}}],
            }
        )
    )  # fmt: skip
    rows = matrix(idea)
    assert [(row["challenge"].get("uid"), row.get("obstacle", {}).get("uid"), row.get("hole", False)) for row in rows] == [
        ("c1", "o1", False), ("c2", None, True), (None, "o2", True),
    ]  # fmt: skip
    assert rows[0]["action"]["uid"] == "s1" and rows[2]["challenge"] == {"text": {"it": "Il problema"}}
    assert [row["obstacle"]["uid"] for row in matrix(idea, "Ponte")] == ["o1"]


def steps(**waits: list[str]) -> dict[str, NextStep]:
    return {uid: NextStep(uid=uid, depends_on=on) for uid, on in waits.items()}


def test_steps_that_wait_for_each_other_are_found() -> None:
    assert cycle(steps(a=["b"], b=["c"], c=[])) == [] == cycle(steps(a=["nowhere"]))
    assert cycle(steps(a=["a"])) == ["a"]
    assert sorted(cycle(steps(a=["b"], b=["c"], c=["b"]))) == ["b", "c"]
    assert cycle(steps(a=["b", "c"], b=["d"], c=["d"], d=[])) == []
    assert cycle({str(n): NextStep(uid=str(n), depends_on=[str(n + 1)]) for n in range(5_000)}) == []


def measured(last: str, *, direction: Any = "up", **fields: Any) -> Indicator:
    given = {
        "uid": "i", "direction": direction, "frequency": "yearly",
        "baseline": {"value": "0", "date": "2026-01-01"}, "target": {"value": "100", "date": "2026-12-31"},
        "readings": [{"uid": "r", "date": "2026-07-01", "value": last}], **fields,
    }  # fmt: skip
    return Indicator.model_validate(given)


def test_an_indicator_is_green_amber_red_by_how_far_time_has_gone() -> None:
    # On 2 July half of the period (182 of 364 days) is over.
    today = "2026-07-02"
    assert status(measured("50"), today) == "green" and status(measured("49.9"), today) == "amber"
    assert status(measured("35"), today) == "amber" and status(measured("34.9"), today) == "red"
    assert status(measured("100"), "2026-12-31") == "green"
    falling = {"baseline": {"value": "100", "date": "2026-01-01"}, "target": {"value": "0", "date": "2026-12-31"}}
    assert status(measured("50", direction="down", **falling), today) == "green"
    assert status(measured("70", direction="down", **falling), today) == "red"


def test_a_reading_too_old_for_its_frequency_is_no_data() -> None:
    assert status(measured("50", frequency="monthly"), "2026-08-16") == "amber"
    assert status(measured("50", frequency="monthly"), "2026-08-17") == "no_data"
    assert status(measured("50", readings=[]), "2026-07-02") == "no_data"
    assert status(measured("50", baseline=None), "2026-07-02") == "no_data"
