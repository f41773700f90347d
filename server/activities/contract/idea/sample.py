"""A finished idea to show, to rehearse and to test with: every rule of the full form is met from its card up."""

from __future__ import annotations

from typing import Any

from .fields import leaves_of, read


def card() -> dict[str, Any]:
    """The ten fields of a card, as leaves; its one step is due at the end of 2030."""
    return _kept(_CARD)


def full() -> dict[str, Any]:
    """The whole form with a payment rule, as leaves."""
    return _kept({**_CARD, **_FULL, "target_group": {**_CARD["target_group"], "estimated_number": 60}})


def _kept(tree: dict[str, Any]) -> dict[str, Any]:
    return {path: read(path, value) for path, value in leaves_of(tree).items()}


def _text(it: str, en: str) -> dict[str, str]:
    return {"it": it, "en": en}


_CARD: dict[str, Any] = {
    "title": _text("Sportello di quartiere per il primo lavoro", "A neighbourhood desk for a first job"),
    "summary": _text(
        "Il Comune e due imprese sociali accompagnano al lavoro i giovani del quartiere, così che restino occupati.",
        "The city and two social enterprises coach young people of the neighbourhood into work that lasts.",
    ),
    "domain": ["work_training", "youth"],
    "problem": _text("Molti giovani non studiano e non lavorano.", "Many young people neither study nor work."),
    "target_group": {"label": _text("Giovani fra 18 e 29 anni", "People aged 18 to 29"), "category": "neet"},
    "area": {"scope": "neighbourhood", "name": "Lorenteggio"},
    "proposal": _text("Uno sportello con tutor e tirocini pagati.", "A desk with tutors and paid internships."),
    "actors": [
        {"uid": "city", "name": "Direzione Lavoro", "sector": "public", "role": "lead"},
        {"uid": "coop", "name": "Cooperativa Ponte", "sector": "social_enterprise", "role": "provider"},
        {"uid": "uni", "name": "Università", "sector": "university_research", "role": "evaluator_verifier"},
    ],
    "obstacles": [
        {
            "uid": "rules",
            "text": _text("Le procedure sono lente.", "Procedures are slow."),
            "category": "procedure_rigidity",
            "overcome": [
                {"uid": "pact", "text": _text("Un patto di collaborazione.", "A collaboration pact."), "action": "meet"}
            ],
        }
    ],
    "next_steps": [
        {
            "uid": "meet",
            "text": _text("Riunire gli uffici.", "Bring the offices together."),
            "owner": "Direzione Lavoro",
            "due": "2030",
        }
    ],
}

_FULL: dict[str, Any] = {
    "evidence": [
        {"uid": "e1", "text": _text("Un giovane su cinque.", "One young person in five."), "kind": "statistic"}
    ],
    "needs": [{"uid": "n1", "text": _text("Un primo contratto.", "A first contract.")}],
    "objectives": [{"uid": "o1", "text": _text("30 contratti in un anno.", "30 contracts in a year."), "timed": True}],
    "output_kind": "service",
    "theory_of_change": {
        "social_outcomes": [{"uid": "lasting", "statement": _text("Lavoro che dura sei mesi.", "Work for six months.")}]
    },
    "collaboration_form": {"kind": "pbr_contract", "risk_holder": "shared"},
    "cost_total": {"exact": "100000.00"},
    "financing": [
        {"uid": "f1", "source": "pay_by_result", "amount": {"exact": "60000"}, "status": "committed"},
        {
            "uid": "f2",
            "source": "foundation_grant",
            "amount": {"min": "10000", "max": "20000"},
            "status": "received",
        },
    ],
    "pbr_terms": [
        {
            "uid": "p1",
            "social_outcome": _text("ha un contratto da almeno sei mesi", "has had a contract for six months"),
            "metric": _text("Contratti di almeno sei mesi", "Contracts of six months or more"),
            "unit": "person",
            "direction": "up",
            "target_population": _text("Giovani seguiti dallo sportello", "Young people coached by the desk"),
            "cohort_size": 60,
            "baseline": {"value": "8", "date": "2026", "source": "Direzione Lavoro"},
            "target_value": "30",
            "data_source": _text("le comunicazioni obbligatorie", "compulsory employment notices"),
            "verifier_actor": "uni",
            "payer_actor": "city",
            "payee_actor": "coop",
            "provider_actors": ["coop"],
            "pricing": "per_unit",
            "price_per_unit": {"exact": "2000"},
            "threshold_min": "10",
            "cap": {"exact": "60000"},
            "horizon_end": "2029-12-31",
            "safeguards": {"cream_skimming": _text("Quota di casi difficili.", "A share of hard cases.")},
        }
    ],
    "risks": [{"uid": "r1", "text": _text("Poche imprese.", "Few firms."), "borne_by": "shared"}],
    "indicators": [
        {"uid": "i1", "name": _text("Colloqui", "Interviews"), "type": "process"},
        {"uid": "i2", "name": _text("Contratti", "Contracts"), "type": "performance"},
    ],
}
