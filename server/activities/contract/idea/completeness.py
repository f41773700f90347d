"""What an idea still lacks before it may be published, rule by rule, each by name (DOMAIN 2, 6, 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from . import financing, payment
from .codes import Form
from .fields import blank
from .model import Actor, PbrTerm, PolicyIdea, blank_text, last_day

TITLE = (10, 120)
SUMMARY = 400
#: Notes behind an idea that stand for evidence.
LINKED_NOTES = 3
#: The longest text that an edit may leave in a field, where that is shorter than elsewhere.
LIMITS: Mapping[str, int] = {"title": TITLE[1], "summary": SUMMARY}
RISKY_FORMS = (
    "ppp", "social_or_atypical_ppp", "concession", "collaboration_pact", "pbr_contract", "social_impact_bond",
)  # fmt: skip
PBR_FORMS = ("pbr_contract", "social_impact_bond")

#: Every rule's key under `[rule]` and every warning's under `[warning]`.
RULES = (
    "title_missing", "title_length", "summary_missing", "summary_length", "domain_missing", "problem_missing",
    "target_group_missing", "target_number_missing", "area_scope_missing", "area_name_missing", "proposal_missing",
    "actor_public_missing", "actor_non_public_missing", "lead_missing", "lead_several", "obstacle_missing",
    "overcome_missing", "next_step_missing", "next_step_owner_date", "next_step_past", "main_language_missing",
    "two_wordings", "evidence_missing", "objective_missing", "output_kind_missing", "pilot_missing",
    "social_outcome_missing", "form_missing", "form_options_missing", "financing_missing", "pbr_missing",
    "risk_missing", "process_indicator_missing", "performance_indicator_missing", "licence_missing",
    "pbr_metric_missing", "pbr_unit_missing", "pbr_population_missing", "pbr_cohort_missing", "pbr_baseline_missing",
    "pbr_target_missing", "pbr_payer_missing", "pbr_pricing_missing", "pbr_pricing_order", "pbr_cap_missing",
    "pbr_horizon_missing", "pbr_safeguard_missing", "pbr_verifier_missing", "pbr_verifier_not_independent",
    "endorsement_missing",
)  # fmt: skip
WARNINGS = (
    "other_language_missing", "needs_missing", "pbr_verifier_is_payer", "pbr_payee_missing", "capital_missing",
    "procurement_risk", "lines_above_cost", "other_currency", "not_secured", "line_without_amount", "loose_notes",
    "indicator_owner_missing", "indicator_frequency_missing", "broker_missing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What completeness must know beside the form.

    languages: of the session, the main one first. day: of publishing, ISO. linked_notes: notes behind the
    idea. two_wordings: paths that wait for somebody to choose.
    """

    languages: Sequence[str] = ("it",)
    day: str = "1970-01-01"
    linked_notes: int = 0
    two_wordings: Sequence[str] = ()


#: (path of the field, key of the rule), and whether it is met.
_Checked = tuple[str, str, bool]


def completeness(idea: PolicyIdea, form: Form = "full", context: Circumstances | None = None) -> dict[str, Any]:
    """{"form", "met", "required", "missing": [{"field", "rule"}], "warnings": [{"field", "rule"}]}.

    required = met + missing: a rule about each row of a list counts once per row. A card answers to the rules of its
    ten fields only. `field` is the path of a leaf, `rule` a key under `[rule]` or `[warning]` of the words.
    """
    context = context or Circumstances()
    checked = list(_card(idea, context))
    if form == "full":
        checked += _full(idea, context)
    missing = [{"field": field, "rule": rule} for field, rule, met in checked if not met]
    return {
        "form": form,
        "met": len(checked) - len(missing),
        "required": len(checked),
        "missing": missing,
        "warnings": [{"field": field, "rule": rule} for field, rule in _warnings(idea, form, context)],
    }


def _worded(text: Mapping[str, str] | None, field: str, rule: str, context: Circumstances) -> _Checked:
    """A text that is needed, in the main language."""
    if blank_text(text):
        return field, rule, False
    return field, "main_language_missing", bool(text and text.get(context.languages[0]))


def _sized(text: Mapping[str, str] | None, field: str, low: int, high: int, context: Circumstances) -> _Checked:
    found = _worded(text, field, f"{field}_missing", context)
    if not found[2]:
        return found
    return field, f"{field}_length", all(low <= len(words) <= high for words in (text or {}).values() if words)


def _card(idea: PolicyIdea, context: Circumstances) -> Iterator[_Checked]:
    yield _sized(idea.title, "title", *TITLE, context)
    yield _sized(idea.summary, "summary", 1, SUMMARY, context)
    yield "domain", "domain_missing", bool(idea.domain)
    yield _worded(idea.problem, "problem", "problem_missing", context)
    yield _worded(
        idea.target_group.label if idea.target_group else None, "target_group.label", "target_group_missing", context
    )
    yield "area.scope", "area_scope_missing", bool(idea.area and idea.area.scope)
    yield "area.name", "area_name_missing", bool(idea.area and idea.area.name)
    yield _worded(idea.proposal, "proposal", "proposal_missing", context)
    yield from _actors(idea.actors or [])
    obstacles = [one for one in idea.obstacles or () if not blank_text(one.text)]
    yield "obstacles", "obstacle_missing", bool(obstacles)
    for one in obstacles:
        overcome = any(not blank_text(way.text) for way in one.overcome or ())
        yield f"obstacles/{one.uid}", "overcome_missing", overcome
    yield _steps(idea, context)
    for path in context.two_wordings:
        yield path, "two_wordings", False


def _actors(actors: Sequence[Actor]) -> Iterator[_Checked]:
    named = [actor for actor in actors if actor.name or actor.organisation]
    yield "actors", "actor_public_missing", any(actor.sector == "public" for actor in named)
    yield "actors", "actor_non_public_missing", any(actor.sector not in (None, "public") for actor in named)
    leads = sum(actor.role == "lead" for actor in named)
    yield "actors", "lead_several" if leads > 1 else "lead_missing", leads == 1


def _steps(idea: PolicyIdea, context: Circumstances) -> _Checked:
    steps = [one for one in idea.next_steps or () if not blank_text(one.text) and one.status != "dropped"]
    if not steps:
        return "next_steps", "next_step_missing", False
    planned = [one for one in steps if one.owner and one.due]
    if not planned:
        return "next_steps", "next_step_owner_date", False
    today = date.fromisoformat(context.day)
    return "next_steps", "next_step_past", any(last_day(one.due) >= today for one in planned if one.due)


def _full(idea: PolicyIdea, context: Circumstances) -> Iterator[_Checked]:
    evidence = any(not blank({"text": one.text, "source": one.source, "url": one.url}) for one in idea.evidence or ())
    yield "evidence", "evidence_missing", evidence or context.linked_notes >= LINKED_NOTES
    if idea.pbr_terms:
        number = idea.target_group.estimated_number if idea.target_group else None
        yield "target_group.estimated_number", "target_number_missing", bool(number)
    yield "objectives", "objective_missing", any(not blank_text(one.text) for one in idea.objectives or ())
    yield "output_kind", "output_kind_missing", idea.output_kind is not None
    if idea.output_kind == "pilot":
        for name in ("hypothesis", "test", "stop_or_go"):
            yield _worded(getattr(idea.pilot, name, None), f"pilot.{name}", "pilot_missing", context)
    change = idea.theory_of_change.social_outcomes if idea.theory_of_change else None
    yield (
        "theory_of_change.social_outcomes",
        "social_outcome_missing",
        any(not blank_text(one.statement) for one in change or ()),
    )
    kind = idea.collaboration_form.kind if idea.collaboration_form else None
    yield "collaboration_form.kind", "form_missing", kind is not None
    if kind == "undecided":
        options = (idea.collaboration_form.options_considered if idea.collaboration_form else None) or []
        considered = {one: True for one in options if one not in ("undecided", "none")}
        yield "collaboration_form.options_considered", "form_options_missing", len(considered) >= 2
    paid = any(line.source is not None for line in idea.financing or ())
    yield "financing", "financing_missing", paid or not blank_text(idea.no_cost_reason)
    if kind in PBR_FORMS or any(line.source == "pay_by_result" for line in idea.financing or ()):
        yield "pbr_terms", "pbr_missing", bool(idea.pbr_terms)
    actors = {actor.uid: actor for actor in idea.actors or ()}
    for term in idea.pbr_terms or ():
        for field, rule, met in pbr_rules(term, actors, context):
            yield f"pbr_terms/{term.uid}.{field}", rule, met
    if kind in RISKY_FORMS:
        borne = any(risk.borne_by and not blank_text(risk.text) for risk in idea.risks or ())
        yield "risks", "risk_missing", borne
    for type_, rule in (("process", "process_indicator_missing"), ("performance", "performance_indicator_missing")):
        named = any(one.type == type_ and not blank_text(one.name) for one in idea.indicators or ())
        yield "indicators", rule, named
    if idea.confidentiality == "public":
        yield "licence", "licence_missing", idea.licence != ""


def pbr_rules(term: PbrTerm, actors: Mapping[str, Actor], context: Circumstances) -> Iterator[_Checked]:
    """The rules of one payment rule, with the field inside its row."""
    yield "metric", "pbr_metric_missing", not blank_text(term.metric)
    unit = not blank_text(term.unit_name) if term.unit == "other" else term.unit is not None
    yield "unit", "pbr_unit_missing", unit
    yield "target_population", "pbr_population_missing", not blank_text(term.target_population)
    yield "cohort_size", "pbr_cohort_missing", bool(term.cohort_size)
    based = (term.baseline is not None and term.baseline.value is not None) or not blank_text(term.baseline_how)
    yield "baseline", "pbr_baseline_missing", based
    yield "target_value", "pbr_target_missing", term.target_value is not None
    yield "payer_actor", "pbr_payer_missing", term.payer_actor in actors
    lacking = [one for one in payment.missing(term) if one not in ("cap", "target_value")]
    yield "pricing", "pbr_pricing_order" if lacking == ["order"] else "pbr_pricing_missing", not lacking
    yield "cap", "pbr_cap_missing", payment.exact(term.cap) is not None
    yield "horizon_end", "pbr_horizon_missing", term.horizon_end is not None
    safe = term.safeguards is not None and not blank(term.safeguards.model_dump(mode="json"))
    yield "safeguards", "pbr_safeguard_missing", safe
    if term.verifier_actor not in actors:
        yield "verifier_actor", "pbr_verifier_missing", False
    else:
        independent = payment.independence(term, actors) != "not_independent"
        yield "verifier_actor", "pbr_verifier_not_independent", independent


def _warnings(idea: PolicyIdea, form: Form, context: Circumstances) -> Iterator[tuple[str, str]]:
    main, *others = context.languages
    for field in ("title", "summary", "problem", "proposal"):
        text = getattr(idea, field) or {}
        if text.get(main) and any(not text.get(language) for language in others):
            yield field, "other_language_missing"
    if idea.loose:
        yield "loose", "loose_notes"
    if form == "card":
        return
    if not idea.needs:
        yield "needs", "needs_missing"
    actors = {actor.uid: actor for actor in idea.actors or ()}
    for term in idea.pbr_terms or ():
        if payment.independence(term, actors) == "is_payer":
            yield f"pbr_terms/{term.uid}.verifier_actor", "pbr_verifier_is_payer"
        if term.payee_actor not in actors:
            yield f"pbr_terms/{term.uid}.payee_actor", "pbr_payee_missing"
    kind = idea.collaboration_form.kind if idea.collaboration_form else None
    if kind == "social_impact_bond" and not any(term.upfront_capital for term in idea.pbr_terms or ()):
        yield "pbr_terms", "capital_missing"
    holder = idea.collaboration_form.risk_holder if idea.collaboration_form else None
    if kind == "procurement" and holder not in (None, "public"):
        yield "collaboration_form.risk_holder", "procurement_risk"
    for warning in financing.totals(idea)["warnings"]:
        yield "financing", warning
    if not any(actor.role == "broker_facilitator" for actor in actors.values()):
        yield "actors", "broker_missing"
    for one in idea.indicators or ():
        if not one.data_owner:
            yield f"indicators/{one.uid}.data_owner", "indicator_owner_missing"
        if not one.frequency:
            yield f"indicators/{one.uid}.frequency", "indicator_frequency_missing"


#: The hints about collaboration forms, each with the date of the source that it rests on.
HINTS: Mapping[str, str] = {
    "procurement_risk": "2019",
    "third_sector_code": "2024-10-26",
    "shared_administration": "2021-05-20",
    "pay_by_result_caution": "2018",
}


def hints(idea: PolicyIdea) -> list[dict[str, str]]:
    """What is worth knowing about the collaboration form: [{"hint": key under `[hint]`, "date"}]; never a block.

    Whoever shows one shows `hint.not_legal_advice` beside it.
    """
    part = idea.collaboration_form
    kind = part.kind if part else None
    found: list[str] = []
    if part is not None and kind == "procurement" and part.risk_holder not in (None, "public"):
        found.append("procurement_risk")
    if kind in ("co_programming", "co_design_cts", "accreditation", "agreement_aps_odv"):
        found += ["third_sector_code", "shared_administration"]
    if kind in PBR_FORMS or idea.pbr_terms:
        found.append("pay_by_result_caution")
    return [{"hint": hint, "date": HINTS[hint]} for hint in found]
