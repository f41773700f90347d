"""What sessions left, by hand: a whole policy idea and a board, for tests of the files that are taken home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BOARDS = Path(__file__).parents[1] / "content" / "boards"

STAGE: dict[str, Any] = {
    "stage": "ideas",
    "stage_title": {"it": "Idee", "en": "Ideas"},
    "activity": "idea",
    "level": "pseudonym",
}

#: As `contract.idea.left` describes it; a test holds it against that model.
IDEA: dict[str, Any] = {
    "kind": "idea",
    "schema_version": "1.0",
    "idea": "i1",
    "code": "MI-2026-01",
    "state": "published",
    "version": 2,
    "form": "full",
    "stage": "idee",
    "stage_title": {"it": "Idee", "en": "Ideas"},
    "activity": "idea",
    "level": "pseudonym",
    "fields": {
        "title": {"it": "Sportello mobile nelle case di quartiere", "en": "Mobile desk in neighbourhood houses"},
        "summary": {
            "it": "Il Comune porta lo sportello sociale nelle case di quartiere per chi non arriva agli uffici.",
            "en": "The city brings the social desk to neighbourhood houses.",
        },
        "domain": ["social_inclusion", "housing"],
        "problem": {
            "it": "Chi ha più bisogno non arriva agli sportelli.\nGli orari coincidono con il lavoro.",
            "en": "Those most in need do not reach the desks.",
        },
        "problem_causes": [
            {"uid": "c1", "text": {"it": "Orari rigidi", "en": "Rigid hours"}},
            {"uid": "c2", "text": {"it": "Distanza", "en": "Distance"}},
        ],
        "evidence": [
            {
                "uid": "e1",
                "text": {"it": "Solo un terzo degli aventi diritto chiede", "en": "Only a third ask"},
                "source": "Comune",
                "year": 2025,
                "kind": "statistic",
                "url": "https://example.org/x",
            }
        ],
        "target_group": {
            "label": {"it": "Famiglie in graduatoria", "en": "Families"},
            "category": "families",
            "estimated_number": 1200,
            "unit": "famiglie",
        },
        "area": {
            "scope": "district",
            "name": "Municipio 8",
            "priority_area": True,
            "geometry": {"type": "Point", "coordinates": [9.13, 45.49]},
        },
        "objectives": [
            {
                "uid": "o1",
                "text": {"it": "Dimezzare il tempo di attesa", "en": "Halve waiting"},
                "specific": True,
                "measurable": True,
                "timed": True,
            }
        ],
        "proposal": {
            "it": "Due pomeriggi alla settimana una persona dello sportello lavora in casa di "
            'quartiere con una mediatrice. #panic("x") $x$',
            "en": "Two afternoons a week ...",
        },
        "output_kind": "service",
        "theory_of_change": {
            "social_outcomes": [
                {
                    "uid": "s1",
                    "statement": {"it": "Più famiglie ottengono ciò che spetta", "en": "More families get what is due"},
                }
            ]
        },
        "actors": [
            {
                "uid": "a1",
                "name": "Comune di Milano",
                "sector": "public",
                "role": "lead",
                "commitment": "verbally_agreed",
            },
            {"uid": "a2", "name": "Cooperativa Il Ponte", "sector": "third_sector", "role": "provider"},
            {"uid": "a3", "name": "Politecnico", "sector": "university_research", "role": "evaluator_verifier"},
        ],
        "collaboration_form": {
            "kind": "co_design_cts",
            "risk_holder": "shared",
            "why_this": {"it": "Il rischio è condiviso", "en": "Shared risk"},
        },
        "financing": [
            {
                "uid": "f1",
                "source": "municipal_budget",
                "amount": {"exact": "40000", "currency": "EUR"},
                "status": "committed",
                "period": "2027",
            },
            {
                "uid": "f2",
                "source": "foundation_grant",
                "programme": "Bando Welfare",
                "amount": {"min": "20000", "max": "30000.50", "currency": "EUR"},
                "status": "requested",
            },
        ],
        "cost_total": {"exact": "90000", "currency": "EUR"},
        "cost_running_per_year": {"exact": "35000", "currency": "EUR"},
        "pbr_terms": [
            {
                "uid": "p1",
                "social_outcome": {"it": "ottiene un beneficio che le spetta", "en": "gets a benefit due"},
                "metric": {"it": "Famiglie con domanda accolta", "en": "Families"},
                "unit": "household",
                "direction": "up",
                "target_population": {"it": "Famiglie del Municipio 8", "en": "Families"},
                "cohort_size": 300,
                "baseline": {"value": "120", "date": "2025-12", "source": "Comune"},
                "target_value": "240",
                "threshold_min": "150",
                "comparison": "historical",
                "data_source": {"it": "i registri del Comune", "en": "city registers"},
                "verifier_actor": "a3",
                "payer_actor": "a1",
                "payee_actor": "a2",
                "provider_actors": ["a2"],
                "pricing": "per_unit",
                "price_per_unit": {"exact": "150", "currency": "EUR"},
                "cap": {"exact": "36000", "currency": "EUR"},
                "fixed_share_percent": 20,
                "horizon_end": "2028-06-30",
                "safeguards": {"gaming": {"it": "Controlli a campione", "en": "Spot checks"}},
                "verify_on": ["2027-12", "2028-06-30"],
                "upfront_capital": {
                    "investor_actor": "a3",
                    "type": "debt",
                    "amount": {"exact": "10000", "currency": "EUR"},
                },
            }
        ],
        "obstacles": [
            {
                "uid": "ob1",
                "text": {"it": "Regole sulla privacy", "en": "Privacy rules"},
                "category": "procedure_rigidity",
                "severity": 3,
                "overcome": [
                    {
                        "uid": "v1",
                        "text": {"it": "Un accordo sui dati fra gli enti", "en": "A data agreement"},
                        "instrument": "protocollo",
                        "status": "agreed",
                    }
                ],
            }
        ],
        "risks": [
            {
                "uid": "r1",
                "text": {"it": "Poche adesioni", "en": "Few"},
                "likelihood": 2,
                "impact": 4,
                "borne_by": "shared",
                "mitigation": {"it": "Passaparola", "en": "Word of mouth"},
            }
        ],
        "next_steps": [
            {
                "uid": "n1",
                "text": {"it": "Scrivere l’accordo sui dati, con calma", "en": "Write the data agreement"},
                "owner": "Ufficio welfare",
                "co_owners": ["Il Ponte"],
                "due": "2027-01-31",
                "status": "todo",
                "output": {"it": "accordo firmato", "en": "signed"},
            },
            {
                "uid": "n2",
                "text": {"it": "Scegliere le due case", "en": "Choose houses"},
                "owner": "Municipio 8",
                "due": "2027-03",
                "status": "doing",
            },
        ],
        "indicators": [
            {
                "uid": "k1",
                "name": {"it": "Domande accolte", "en": "Granted"},
                "type": "performance",
                "unit": "domande",
                "baseline": {"value": "120", "date": "2025-12"},
                "target": {"value": "240", "date": "2028-06"},
                "frequency": "quarterly",
                "data_owner": "Comune",
            }
        ],
        "sdg": [1, 10],
        "tags": ["sportelli", "prossimità"],
        "confidentiality": "public",
        "licence": "CC BY 4.0",
    },
    "origin": {},
    "completeness": {
        "form": "full",
        "met": 27,
        "required": 29,
        "missing": [{"field": "output_kind", "rule": "output_kind_missing"}],
        "warnings": [],
    },
    "endorsement": {
        "version": 2,
        "people": 18,
        "to_reconfirm": 0,
        "levels": {"support": 15},
        "agree": 15,
        "disagree": 1,
        "pass": 2,
        "class": "common_ground",
        "by_group": [
            {"group": "civil_servants", "agree": 8, "pass": 1, "disagree": 1, "n": 10, "low": 0.5, "high": 0.9},
            {"group": "social_innovators", "agree": 7, "pass": 1, "disagree": 0, "n": 8, "low": 0.5, "high": 0.9},
        ],
    },
    "arguments": [
        {"argument": "x1", "side": "for", "text": "Costa poco", "language": "it"},
        {"argument": "x2", "side": "against", "text": "Serve personale", "language": "it"},
    ],
    "answers": [
        {
            "decision": "accepted",
            "text": {"it": "Va bene", "en": "ok"},
            "office": "Direzione Welfare",
            "date": "2027-02-01",
            "cost": "40000",
            "at": "2027-02-01T10:00:00Z",
        }
    ],
    "sources": [
        {
            "field": "problem",
            "source_kind": "note",
            "relation": "quoted",
            "stage": "lavagna",
            "note": "n3",
            "number": 103,
            "own_group": "civil_servants",
        },
        {
            "field": "next_steps/n1",
            "source_kind": "dot_vote",
            "relation": "evidence",
            "stage": "lavagna",
            "round": "v1",
            "number": 210,
        },
    ],
    "provenance": {},
    "second_wordings": [],
    "versions": [],
    "moves": [],
    "totals": {},
    "published_at": "2026-11-22T10:00:00Z",
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}

#: As `contract.peers` describes them: what a marketplace leaves to the path.
PRACTICES: list[dict[str, Any]] = [
    {
        "practice": "pacts",
        "title": {"it": "Patti di collaborazione", "en": "Collaboration pacts"},
        "place": {"it": "Torino", "en": "Torino"},
        "organisation": "Città di Torino",
        "problem": {"it": "Spazi lasciati a sé", "en": "Spaces left alone"},
        "done": {"it": "La città e gli abitanti curano spazi insieme.", "en": "City and residents look after spaces."},
        "results": [{"value": {"it": "65 patti", "en": "65 pacts"}, "evidence": {"it": "registro", "en": "register"}}],
        "limits": {"it": "Tempi lunghi", "en": "Long times"},
        "offers": [{"it": "beni comuni", "en": "commons"}],
        "needs": [{"it": "valutazione d'impatto", "en": "impact assessment"}],
        "conditions": [{"it": "un regolamento comunale", "en": "a city regulation"}],
        "contact_consent": True,
    },
    {
        "practice": "evaluation",
        "title": {"it": "Valutare per decidere", "en": "Evaluating in order to decide"},
        "organisation": "Lyon",
        "done": {"it": "Chi userà i risultati decide che cosa misurare.", "en": "Users decide what is measured."},
        "results": [],
        "offers": [{"en": "Impact assessment"}],
        "needs": [],
        "conditions": [{"it": "un regolamento comunale"}],
    },
    {"practice": "bare", "title": {"it": "Solo un titolo"}, "results": [], "offers": [], "needs": [], "conditions": []},
]
PEERS: list[dict[str, Any]] = [
    {
        "peer": "p1",
        "parties": [
            {"organisation": "lyon", "name": "Lyon", "owner": "Evaluation unit", "accepted": True},
            {"organisation": "torino", "name": "Torino", "owner": None, "accepted": True},
        ],
        "mutual": True,
        "topic": "Misurare i patti",
        "format": "study_visit",
        "date": "2027-03-15",
        "first_step": "Mandare l'ultimo rapporto",
        "status": "scheduled",
        "reasons": [["lyon", "torino", {"it": "valutazione d'impatto", "en": "impact assessment"}]],
        "versions": {"topic": 2, "owner lyon": 3},
    },
    {
        "peer": "p2",
        "parties": [
            {"organisation": "glasgow", "name": "Glasgow", "accepted": False},
            {"organisation": "torino", "name": "Torino", "accepted": False},
        ],
        "status": "proposed",
    },
]

HEAD: dict[str, Any] = {
    "code": "ABC234",
    "title": {"it": "Co-progettare a Milano", "en": "Co-design in Milan"},
    "phase": "codesign",
    "languages": ["it", "en"],
    "groups": [
        {"id": "civil_servants", "name": {"it": "Funzionari pubblici", "en": "Civil servants"}},
        {"id": "social_innovators", "name": {"it": "Innovatori sociali", "en": "Social innovators"}},
    ],
    "state": "ended",
    "made_at": 1795330000000,
    "started_at": 1795338000000,
    "ended_at": 1795348000000,
    "people": {
        "count": 26,
        "by_group": [{"group": "civil_servants", "count": 14}, {"group": "social_innovators", "count": 12}],
        "groups_hidden": False,
    },
    "number": 900,
    "generated": {"at": 1795349000000, "facts": {"from": 1, "to": 900}},
    "software": {"name": "officina", "version": "0.1.0"},
}

AGENDA: dict[str, Any] = {
    "stages": [
        {
            "id": "board",
            "title": {"it": "La lavagna", "en": "The board"},
            "activity": "canvas",
            "minutes": 60,
            "level": "pseudonym",
            "state": "done",
            "planned_at": 1795338000000,
            "expected_at": 1795338600000,
            "spent_minutes": 64,
        }
    ],
    "behind_minutes": 4,
}


def board(key: str, texts: list[str], **more: Any) -> dict[str, Any]:
    """A board of the shipped template with these notes, dealt out over its zones."""
    template = json.loads((BOARDS / f"{key}.json").read_text("utf-8"))
    zones = [
        {name: zone[name] for name in ("key", "role", "title", "at", "axis") if name in zone}
        for zone in template["zones"]
    ]
    notes = []
    for n, text in enumerate(texts):
        zone = zones[n % len(zones)]
        place = {"x": n * 911 % 10_001, "y": n * 373 % 10_001}
        note = {
            "id": f"n{n}",
            "zone": zone["key"],
            "role": zone["role"],
            "text": text,
            "kind": "note",
            "number": 100 + n,
        }
        axis = {"axis": {"x": place["x"], "y": 10_000 - place["y"]}} if "axis" in zone else {}
        notes.append({**note, **place, **axis, "own_group": ("civil_servants", "social_innovators")[n % 2]})
    return {
        **STAGE,
        "stage": "board",
        "activity": "canvas",
        "kind": "board",
        "phase": "decide",
        "groups": [],
        "links": [],
        "rounds": [],
        "comments": [],
        "participation": [],
        **{name: template[name] for name in ("key", "title", "version", "credit", "licence", "cols", "rows", "flow")},
        "zones": zones,
        "notes": notes,
        **more,
    }


def left(*outcomes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The outcomes of a session with their head, as `export.outcomes` gives them."""
    return {**HEAD, "outcomes": list(outcomes), **more}
