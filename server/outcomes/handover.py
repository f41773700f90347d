"""What goes on after a session, as other houses read it: a calendar of next steps and of peer activities, and of
published ideas Decidim's proposals, INDIGO's fragment.

Each function takes `idea` outcomes (DOMAIN 2): `fields` is the form as JSON.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..activities.contract.idea.model import last_day
from ..files.ics import Event, ics
from ..files.sheets import Cell, Sheet
from ..files.writing import xlsx
from . import idea_report, market_report
from .telling import Telling

Idea = Mapping[str, Any]

#: Decidim's own limit for a proposal's text where an administrator set no other one.
DECIDIM_CHARACTERS = 500
#: Ideas may leave the house once they are published.
PUBLISHED = ("published", "submitted", "answered", "implementing", "closed")


def published(ideas: Iterable[Idea]) -> list[Idea]:
    """Those that are published and that their organisers made public."""
    return [one for one in ideas if one["state"] in PUBLISHED and one["fields"].get("confidentiality") == "public"]


# Next steps as a calendar


def peers_of(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The peer activities of a session's outcomes, or of a path's dossier."""
    own = [one for one in found["outcomes"] if one.get("kind") == "peer_activity"]
    return [*own, *(found.get("peers") or ())]


def dated(ideas: Iterable[Idea], peers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a calendar of them would hold anything."""
    steps = any(step.get("due") for idea in ideas for step in idea["fields"].get("next_steps") or ())
    return steps or any(one.get("date") or one.get("follow_up") for one in peers)


def next_steps(tell: Telling, ideas: Iterable[Idea], at: int, peers: Iterable[Mapping[str, Any]] = ()) -> bytes:
    """Every dated step and peer activity that is still to do as a whole day in a calendar (RFC 5545), and the days on
    which activities are asked after again; at: its time of making, ms UTC.

    A month or a year stands on its last day. The same step of the same idea keeps its uid from file to file, so that a
    calendar that reads the next file moves the entry instead of doubling it.
    """
    events = [event for one in peers for event in _days(tell, one)]
    for idea in ideas:
        title = idea_report.title_of(tell, idea)
        for step in idea["fields"].get("next_steps") or ():
            text = tell.text(step.get("text"))
            if not step.get("due") or not text or step.get("status") in ("done", "dropped"):
                continue
            lines = [tell("steps.idea", title=title)]
            if step.get("owner"):
                lines.insert(0, tell("steps.owner", owner=tell.listed([step["owner"], *(step.get("co_owners") or ())])))
            if step.get("output"):
                lines.append(tell("steps.output", output=tell.text(step["output"])))
            uid = f"{step['uid']}.{idea['idea']}@officina"
            events.append(Event(uid, last_day(step["due"]), text, "\n".join(lines), step.get("evidence_url") or ""))
    return ics(events, at)


def _days(tell: Telling, one: Mapping[str, Any]) -> Iterable[Event]:
    """Of an activity that nobody has given up: its day unless it is done, and the day of its follow-up."""
    if one["status"] == "dropped":
        return
    form = market_report.peer_format(tell, one.get("format"))
    what = tell.listed([one.get("topic") or form or tell("market.title"), market_report.parties_said(one)], " · ")
    lines = [tell("peers.who", names=market_report.parties_said(one))]
    owners = market_report.owners_said(tell, one)
    lines += [form] if form and one.get("topic") else []
    lines += owners.split("\n") if owners else []
    if one.get("first_step"):
        lines.append(tell("peers.first_step", text=str(one["first_step"])))
    lines.append(tell("peers.status", status=market_report.peer_status(tell, one["status"])))
    for name, summary in (("date", what), ("follow_up", tell("peers.follow_up", what=what))):
        if one.get(name) and not (name == "date" and one["status"] == "done"):
            uid = f"{one['peer']}.{name}@officina"
            yield Event(uid, last_day(str(one[name])), summary, "\n".join(lines))


# Decidim


def decidim_rows(tell: Telling, ideas: Iterable[Idea], languages: Sequence[str]) -> list[dict[str, Any]]:
    """[{"title": {language: text}, "body": {...}, "address"?, "latitude"?, "longitude"?, "warnings": [sentences]}].

    The code stands before the title, so that an answer finds home. The body is plain paragraphs with a heading each, as
    HTML whose texts are escaped.
    """
    rows = []
    for idea in ideas:
        tree = idea["fields"]
        code = f"{idea['code']} · " if idea.get("code") else ""
        row: dict[str, Any] = {"title": {}, "body": {}, "warnings": []}
        for language in languages:
            own = _in(tell, language)
            row["title"][language] = f"{code}{idea_report.title_of(own, idea)}"
            row["body"][language] = _body(own, tree)
        longest = max(len(_without_tags(body)) for body in row["body"].values())
        if longest > DECIDIM_CHARACTERS:
            row["warnings"].append(tell("decidim.over", n=longest, limit=DECIDIM_CHARACTERS))
        area = tree.get("area") or {}
        if area.get("name"):
            row["address"] = area["name"]
        point = area.get("geometry") or {}
        if point.get("type") == "Point":
            longitude, latitude = point["coordinates"][:2]
            row |= {"latitude": latitude, "longitude": longitude}
        rows.append(row)
    return rows


def decidim_json(tell: Telling, ideas: Iterable[Idea], languages: Sequence[str]) -> bytes:
    """For Decidim's import of proposals: an array of objects, texts by language."""
    rows = [_without(row, "warnings") for row in decidim_rows(tell, ideas, languages)]
    return json.dumps(rows, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def decidim_xlsx(tell: Telling, ideas: Iterable[Idea], languages: Sequence[str]) -> bytes:
    """The same as a workbook of one sheet; its headers are Decidim's: `title/it`, `body/it`, ..."""
    columns = [f"{what}/{language}" for what in ("title", "body") for language in languages]
    table: list[list[Cell]] = [[*columns, "address", "latitude", "longitude"]]
    for row in decidim_rows(tell, ideas, languages):
        texts: list[Cell] = [row[what][language] for what in ("title", "body") for language in languages]
        table.append([*texts, row.get("address"), row.get("latitude"), row.get("longitude")])
    return xlsx([Sheet("proposals", table)])


def _in(tell: Telling, language: str) -> Telling:
    return tell if language == tell.language else tell.in_language(language)


def _body(tell: Telling, tree: Mapping[str, Any]) -> str:
    """Fixed order: what it is, the problem, for whom, where, the proposal, who, what stands in the way, what is next."""
    parts: list[tuple[str, str]] = [("", tell.text(tree.get("summary")))]
    parts.append((tell.field("problem"), tell.text(tree.get("problem"))))
    group, area = tree.get("target_group") or {}, tree.get("area") or {}
    parts += [(tell.field("target_group"), tell.text(group.get("label"))), (tell.field("area"), area.get("name") or "")]
    parts.append((tell.field("proposal"), tell.text(tree.get("proposal"))))
    actors = [row["name"] for row in tree.get("actors") or () if row.get("name")]
    parts.append((tell.field("actors"), tell.listed(actors)))
    for name in ("obstacles", "next_steps"):
        texts = [tell.text(row.get("text")) for row in tree.get(name) or ()]
        parts.append((tell.field(name), tell.listed(texts, "; ")))
    said = []
    for heading, text in parts:
        if text:
            head = f"<p><strong>{html.escape(heading)}</strong></p>" if heading else ""
            said.append(f"{head}<p>{html.escape(text).replace(chr(10), '<br>')}</p>")
    return "".join(said)


def _without_tags(body: str) -> str:
    for tag in ("<p>", "</p>", "<strong>", "</strong>", "<br>"):
        body = body.replace(tag, "")
    return html.unescape(body)


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


# INDIGO

#: Its short list of sectors, by our domains.
SECTORS = {
    "work_training": "Employment and training",
    "youth": "Child and family welfare",
    "health_care": "Health",
    "housing": "Homelessness",
    "education": "Education",
    "justice": "Criminal justice",
    "environment": "Agriculture and environment",
    "food": "Agriculture and environment",
    "social_inclusion": "Poverty reduction",
}
ROLES = {
    "public": "Government/Public Sector/Public Bank",
    "private_profit": "For-profit",
    "third_sector": "Nonprofit/NGO",
    "social_enterprise": "Nonprofit/NGO",
    "foundation_bank_foundation": "Foundation/Philanthropist",
}
INVESTMENTS = {"debt": "Debt", "equity": "Equity", "combination": "Combination"}


def indigo(tell: Telling, idea: Idea) -> dict[str, Any] | None:
    """The fragment of an INDIGO project (data standard 4.1.0) for an idea with payment rules; None without any.

    Values are wrapped as {"value"}; money is a plain number with its currency. Our baseline, comparison group and
    boundaries between tranches have no field there and stand in the notes of their metric.
    """
    tree = idea["fields"]
    terms = tree.get("pbr_terms") or ()
    if not terms:
        return None
    actors = {row["uid"]: row for row in tree.get("actors") or ()}
    project: dict[str, Any] = {
        "name": _value(idea_report.title_of(tell, idea)),
        "purpose_and_classifications": {"policy_sector": _value(_sector(tree))},
        "outcome_metrics": [],
        "outcome_pricings": [],
        "outcome_payment_commitments": [],
        "outcome_payment_plans": [],
        "outcome_payments": [],
        "investments": [],
        "service_provisions": [],
        "organisations": [_organisation(row) for row in actors.values()],
    }
    for term in terms:
        _add_term(tell, project, tree, term)
    return {"id": _id(idea), **{key: value for key, value in project.items() if value}}


def indigo_json(tell: Telling, ideas: Iterable[Idea]) -> bytes:
    """One fragment per idea that has payment rules, by its id."""
    found = {one["id"]: one for idea in ideas if (one := indigo(tell, idea)) is not None}
    return json.dumps(found, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _id(idea: Idea) -> str:
    return str(idea.get("code") or idea["idea"])


def _value(value: Any) -> dict[str, Any] | None:
    return None if value in (None, "") else {"value": value}


def _kept(**values: Any) -> dict[str, Any]:
    """Wrapped values, empty ones left out; lists and objects stay as they are."""
    return {
        key.removesuffix("_"): value if isinstance(value, list | dict) else _value(value)
        for key, value in values.items()
        if value not in (None, "", [], {})
    }


def _sector(tree: Mapping[str, Any]) -> str | None:
    return next((SECTORS[domain] for domain in tree.get("domain") or () if domain in SECTORS), None)


def _organisation(row: Mapping[str, Any]) -> dict[str, Any]:
    role = ROLES.get(str(row.get("sector")), "Other")
    return {"id": row["uid"], **_kept(name=row.get("name"), organisation_role_category=role)}


def _plain(number: Any) -> int | float | None:
    if number in (None, ""):
        return None
    value = Decimal(str(number))
    return int(value) if value == value.to_integral_value() else float(value)


def _amount(money: Mapping[str, Any] | None) -> dict[str, Any]:
    """{"amount": {"value"}, "currency": {"value"}}; a range counts with what it may come to at most."""
    if not money:
        return {}
    amount = money.get("exact") if money.get("exact") is not None else money.get("max")
    return _kept(amount=_plain(amount), currency=money.get("currency") or "EUR")


def _add_term(tell: Telling, project: dict[str, Any], tree: Mapping[str, Any], term: Mapping[str, Any]) -> None:
    metric, uid = f"metric-{term['uid']}", term["uid"]
    period = _kept(start_date=term.get("horizon_start"), end_date=term.get("horizon_end"))
    project["outcome_metrics"].append(
        {
            "id": metric,
            **_kept(
                definition=tell.text(term.get("social_outcome")) or tell.text(term.get("metric")),
                unit_type_targeted_by_outcome_metric=_unit(tell, term),
                unit_description_targeted_by_outcome_metric=tell.text(term.get("unit_name")),
                target_population=tell.text(term.get("target_population")),
                targeted_number_of_service_users_or_beneficiaries_total=term.get("cohort_size"),
                outcome_metric_target=_plain(term.get("target_value")),
                other_target_for_meeting_outcome_metric_target=_plain(term.get("threshold_min")),
                outcome_validation_method=term.get("comparison"),
                data_source_for_outcome_validation=tell.text(term.get("data_source")),
                notes=_baseline(tell, term),
            ),
        }
    )
    project["outcome_pricings"].append(
        {
            "id": f"pricing-{uid}",
            "outcome_metric_ids": _value(metric),
            **_kept(
                price_description=idea_report.pay_sentence(tell, tree, term) or term.get("pricing"),
                price_per_unit=_amount(term.get("price_per_unit")),
                maximum_price_if_all_targets_achieved=_amount(term.get("cap")),
            ),
        }
    )
    payer = term.get("payer_actor")
    if payer:
        project["outcome_payment_commitments"].append(
            {
                "id": f"commitment-{uid}",
                **_kept(organisation_id=payer, maximum_potential_outcome_payment=_amount(term.get("cap"))),
            }
        )
    if period:
        project["outcome_payment_plans"].append({"id": f"plan-{uid}", "period": period})
    for number, tranche in enumerate(term.get("tranches") or (), start=1):
        project["outcome_payments"].append(
            {
                "id": f"payment-{uid}-{number}",
                **_kept(
                    type_="Planned",
                    payer_organisation_id=payer,
                    recipient_organisation_id=term.get("payee_actor"),
                    amount=_amount(tranche.get("pay")),
                    period=period,
                ),
            }
        )
    for number, provider in enumerate(term.get("provider_actors") or (), start=1):
        project["service_provisions"].append({"id": f"service-{uid}-{number}", **_kept(organisation_id=provider)})
    capital = term.get("upfront_capital")
    if capital:
        project["investments"].append(
            {
                "id": f"investment-{uid}",
                **_kept(
                    organisation_id=capital.get("investor_actor"),
                    investment_type=INVESTMENTS.get(str(capital.get("type"))),
                    investment_commitment=_amount(capital.get("amount")),
                    maximum_potential_return=capital.get("max_return"),
                    notes=tell.text(capital.get("repayment_if_fail")),
                ),
            }
        )
    if term.get("verifier_actor"):
        results = project.setdefault("results", [])
        results.append({"id": f"result-{uid}", **_kept(outcomes_validator_organisation_ids=term["verifier_actor"])})


def _unit(tell: Telling, term: Mapping[str, Any]) -> str:
    return tell.code("unit", term["unit"]) if term.get("unit") else ""


def _baseline(tell: Telling, term: Mapping[str, Any]) -> str:
    """What INDIGO has no field for, in words."""
    baseline = term.get("baseline") or {}
    parts = [tell.number(baseline["value"]) if baseline.get("value") is not None else ""]
    parts += [tell.partial(baseline["date"]) if baseline.get("date") else "", baseline.get("source") or ""]
    parts.append(tell.text(term.get("baseline_how")))
    said = tell.listed(parts)
    return f"{tell.field('baseline')}: {said}" if said else ""


__all__ = [
    "dated", "decidim_json", "decidim_rows", "decidim_xlsx", "indigo", "indigo_json", "next_steps", "peers_of", "published",
]  # fmt: skip
