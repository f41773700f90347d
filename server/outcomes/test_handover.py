"""What other houses get of published ideas: a calendar, Decidim's proposals, INDIGO's fragment."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from server.files.reading import read_rows
from server.outcomes import handover
from server.outcomes.telling import Telling
from tests.leavings import IDEA, left

TELL = Telling(left(), "it")
BOTH = ("it", "en")


def with_fields(**more: Any) -> dict[str, Any]:
    return {**IDEA, "fields": {**IDEA["fields"], **more}}


def calendar(*ideas: dict[str, Any]) -> str:
    return handover.next_steps(TELL, ideas, 1795348000000).decode().replace("\r\n ", "")


def test_only_ideas_that_are_published_and_public_leave_the_house() -> None:
    kept = [
        IDEA,
        {**IDEA, "state": "draft"},
        {**IDEA, "state": "withdrawn"},
        with_fields(confidentiality="path"),
        with_fields(confidentiality=None),
    ]
    assert handover.published(kept) == [IDEA]


def test_a_step_is_a_day_in_the_calendar_and_a_month_stands_on_its_last_day() -> None:
    text = calendar(IDEA)
    assert re.findall(r"DTSTART;VALUE=DATE:(\d+)", text) == ["20270131", "20270331"]
    assert "SUMMARY:Scrivere l’accordo sui dati\\, con calma" in text
    assert "DESCRIPTION:Chi: Ufficio welfare\\, Il Ponte\\nIdea: Sportello mobile" in text
    assert "UID:n1.i1@officina" in text


@pytest.mark.parametrize("step", [{"status": "done"}, {"status": "dropped"}, {"due": None}, {"text": None}])
def test_a_step_that_is_over_or_has_no_date_or_no_text_stands_in_no_calendar(step: dict[str, Any]) -> None:
    steps = [{**IDEA["fields"]["next_steps"][0], **step}]
    assert "VEVENT" not in calendar(with_fields(next_steps=steps))


def test_decidim_gets_title_and_body_in_every_language_with_the_code_in_front() -> None:
    (row,) = json.loads(handover.decidim_json(TELL, [IDEA], BOTH))
    assert row["title"] == {
        "it": "MI-2026-01 · Sportello mobile nelle case di quartiere",
        "en": "MI-2026-01 · Mobile desk in neighbourhood houses",
    }
    assert "<p><strong>Problema</strong></p>" in row["body"]["it"]
    assert "Those most in need" in row["body"]["en"]
    assert (row["address"], row["latitude"], row["longitude"]) == ("Municipio 8", 45.49, 9.13)
    assert set(row) == {"title", "body", "address", "latitude", "longitude"}


def test_decidims_workbook_has_the_headers_that_its_import_asks_for() -> None:
    sheet = read_rows(handover.decidim_xlsx(TELL, [IDEA], BOTH), "a.xlsx").sheets[0]
    assert sheet.rows[0] == ["title/it", "title/en", "body/it", "body/en", "address", "latitude", "longitude"]
    assert str(sheet.rows[1][0]).startswith("MI-2026-01")
    assert (sheet.rows[1][5], sheet.rows[1][6]) == (45.49, 9.13)


def test_a_text_in_a_body_for_decidim_is_escaped() -> None:
    row = handover.decidim_rows(TELL, [with_fields(problem={"it": "<script>x</script> & y"})], ("it",))[0]
    assert "&lt;script&gt;x&lt;/script&gt; &amp; y" in row["body"]["it"]
    assert set(re.findall(r"</?(\w+)", row["body"]["it"])) == {"p", "strong"}


def test_a_body_over_decidims_limit_is_handed_over_with_a_warning() -> None:
    long = handover.decidim_rows(TELL, [with_fields(proposal={"it": "x" * 600})], ("it",))[0]
    short = handover.decidim_rows(TELL, [{**IDEA, "fields": {"title": {"it": "Breve"}}}], ("it",))[0]
    assert len(long["warnings"]) == 1 and "500" in long["warnings"][0]
    assert short["warnings"] == []


def test_an_idea_without_a_payment_rule_has_no_fragment_of_indigo() -> None:
    assert handover.indigo(TELL, with_fields(pbr_terms=[])) is None
    assert json.loads(handover.indigo_json(TELL, [with_fields(pbr_terms=[])])) == {}


def test_a_payment_rule_lands_in_the_fields_of_indigo_with_wrapped_values() -> None:
    project = json.loads(handover.indigo_json(TELL, [IDEA]))["MI-2026-01"]
    (metric,) = project["outcome_metrics"]
    assert metric["definition"] == {"value": "ottiene un beneficio che le spetta"}
    assert metric["targeted_number_of_service_users_or_beneficiaries_total"] == {"value": 300}
    assert metric["outcome_metric_target"] == {"value": 240}
    assert metric["other_target_for_meeting_outcome_metric_target"] == {"value": 150}
    assert metric["notes"]["value"].startswith("Valore di partenza: 120")
    (pricing,) = project["outcome_pricings"]
    assert pricing["price_per_unit"] == {"amount": {"value": 150}, "currency": {"value": "EUR"}}
    assert pricing["maximum_price_if_all_targets_achieved"]["amount"] == {"value": 36000}
    assert pricing["price_description"]["value"].startswith("Comune di Milano paga")
    (commitment,) = project["outcome_payment_commitments"]
    assert commitment["organisation_id"] == {"value": "a1"}
    assert commitment["maximum_potential_outcome_payment"]["amount"] == {"value": 36000}
    assert project["investments"][0]["investment_type"] == {"value": "Debt"}
    assert {one["id"]: one["organisation_role_category"]["value"] for one in project["organisations"]} == {
        "a1": "Government/Public Sector/Public Bank",
        "a2": "Nonprofit/NGO",
        "a3": "Other",
    }


def test_tranches_are_planned_payments_from_payer_to_payee() -> None:
    term = IDEA["fields"]["pbr_terms"][0] | {
        "pricing": "tranche",
        "tranches": [
            {"from_value": "150", "pay": {"exact": "10000.50", "currency": "EUR"}},
            {"from_value": "240", "pay": {"exact": "36000", "currency": "EUR"}},
        ],
    }
    project = handover.indigo(TELL, with_fields(pbr_terms=[term]))
    assert project is not None
    payments = project["outcome_payments"]
    assert [one["amount"]["amount"]["value"] for one in payments] == [10000.5, 36000]
    assert all(one["type"] == {"value": "Planned"} for one in payments)
    assert payments[0]["payer_organisation_id"] == {"value": "a1"}
    assert payments[0]["recipient_organisation_id"] == {"value": "a2"}
