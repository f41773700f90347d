"""The HTML pages of paths: all of them, one dossier, one idea, and what everybody may read."""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from ..activities.contract import Text
from ..activities.contract.idea import codes
from ..activities.contract.idea import rules as idea_rules
from ..activities.contract.idea.lifecycle import ENDED, PUBLIC, moves_from
from ..activities.contract.idea.showing import days_waiting
from ..activities.contract.idea.state import completeness_of
from ..activities.contract.small_cells import SMALLEST
from ..drawing import HOUSE_LANGUAGES, Words, clock_time, day, localise
from ..house import House
from ..live.envelope import Asking, Refused
from ..moment import fresh
from ..sessions import plans
from ..sessions.answers import Failed
from ..sessions.doors import desk_of, house_of, language_of
from ..sessions.pages import draw, drawn
from ..sessions.rules import SHAPES, letters
from . import peer_pages, rules
from .api import path_of
from .differences import differences
from .layout import Laid, choices, id_of, place_of, read_only, sections
from .layout import day as written_day
from .layout import money as written_money
from .layout import number as written_number
from .live import LivePath

router = APIRouter(include_in_schema=False)

PHASES = ("sensitisation", "deep_dive", "codesign")
#: Seconds for which whoever stands between may keep a public page.
PUBLIC_SECONDS = 60
#: Rows of a dossier's list on one page.
ROWS = 100
#: The next thing to do with an idea in each state; all other moves stand behind it.
ONWARD: Mapping[str, codes.IdeaState] = {
    "seed": "draft", "draft": "review", "review": "published", "published": "submitted", "submitted": "answered",
    "answered": "implementing", "implementing": "closed", "parked": "draft",
}  # fmt: skip


def words_of(request: Request, language: str) -> Words:
    return house_of(request).drawing.words("paths", language)


def spoken(language: str) -> str:
    """The language of our own words on a page for readers of `language`."""
    return language if language in HOUSE_LANGUAGES else HOUSE_LANGUAGES[-1]


def laid_for(request: Request, path: LivePath, language: str, leaves: Mapping[str, Any], public: bool = False) -> Laid:
    return Laid(words_of(request, language), language, path.languages(), leaves, public)


def groups_of(state: rules.State, language: str) -> list[dict[str, Any]]:
    """The path's groups with badge letters and shape, as a session shows them."""
    found = []
    for place, (id, name) in enumerate(state.groups, 1):
        badge = Text({one: letters(text) for one, text in name.items()})
        shape: int | str = "other" if id == "other" or place > SHAPES else place
        found.append({"id": id, "name": name, "letters": badge, "shape": shape})
    localised: list[dict[str, Any]] = localise(found, language)
    return localised


# -- all paths --------------------------------------------------------------------------------------------------------


def listed(house: House, language: str) -> list[dict[str, Any]]:
    """Every path that has begun, newest first: {"id","title","sessions","ideas"}."""
    found = []
    for path in reversed(house.paths.live.values()):
        state = path.line.folded
        if state.title is not None:
            row = {
                "id": path.id,
                "title": state.title,
                "sessions": len(state.sessions),
                "ideas": len(state.ideas.ideas),
            }
            found.append(localise(row, language))
    return found


@router.get("/desk/paths")
async def all_paths(request: Request) -> Response:
    signed = desk_of(request)
    return show_all(request, signed.csrf)


def show_all(
    request: Request, csrf: str, error: str | None = None, given: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    language = language_of(request)
    house = house_of(request)
    return draw(
        request,
        "paths:paths.html",
        language,
        status,
        t=words_of(request, language),
        paths=listed(house, language),
        csrf=csrf,
        error=error,
        given=given or {},
    )


@router.post("/desk/paths")
async def make_path(
    request: Request,
    title_it: Annotated[str, Form(max_length=200)] = "",
    title_en: Annotated[str, Form(max_length=200)] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """A path of its own, its id made from its title."""
    signed = desk_of(request, csrf=csrf)
    title = {language: words.strip() for language, words in (("it", title_it), ("en", title_en)) if words.strip()}
    paths = house_of(request).paths
    if not title:
        words = words_of(request, language_of(request))
        return show_all(request, signed.csrf, words("title_needed"), {"it": title_it, "en": title_en}, 422)
    id = free_id(next(iter(title.values())), paths.live)
    languages = list(title) + [one for one in HOUSE_LANGUAGES if one not in title]
    prefix = re.sub(r"[^A-Z0-9]", "", id.upper())[:2]
    path = await paths.make(id, Text(title), languages, plans.GROUPS, prefix)
    return RedirectResponse(f"/desk/paths/{path.id}", 303)


def free_id(title: str, taken: Iterable[str]) -> str:
    """An id for a path: its title in plain letters, and a number where there is one of that name."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:34].strip("-")
    if not re.match(r"[a-z].", name):
        name = f"path-{name}".strip("-")
    known = set(taken)
    n, id = 1, name
    while id in known:
        n += 1
        id = f"{name}-{n}"
    return id


# -- one dossier ------------------------------------------------------------------------------------------------------


@router.get("/desk/paths/{id}")
async def dossier(
    request: Request,
    id: str,
    state: str = "",
    q: str = "",
    page: int = 1,
    tag: str = "",
    compare: Annotated[list[str] | None, Query(max_length=200)] = None,
) -> Response:
    """The phases with their sessions; the ideas: all, of one state, with some words in them; activities between
    organisations; practices: all or with a tag, and some of them side by side."""
    signed = desk_of(request)
    path = path_of(request, id)
    return show_dossier(request, path, signed.csrf, state, q[:200], page, tag=tag, compare=compare or ())


def show_dossier(
    request: Request,
    path: LivePath,
    csrf: str,
    state: str = "",
    q: str = "",
    page: int = 1,
    error: str | None = None,
    status: int = 200,
    tag: str = "",
    compare: Sequence[str] = (),
) -> Response:
    folded = path.line.folded
    language = language_of(request, path.languages())
    words = words_of(request, language)
    today = house_of(request).today()
    counts: dict[str, int] = {}
    for idea in folded.ideas.ideas.values():
        counts[idea.state] = counts.get(idea.state, 0) + 1
    state = state if state in counts else ""
    found = matching(folded, state, q)
    pages = max(1, -(-len(found) // ROWS))
    page = min(max(1, page), pages)
    shown = [idea_row(path, idea, language, today) for idea in found[(page - 1) * ROWS : page * ROWS]]
    return draw(
        request,
        "paths:dossier.html",
        language,
        status,
        t=words,
        path={"id": path.id, **localise(rules.head(folded), language)},
        number=path.line.number,
        phases=phases_of(path, language, words),
        states=[{"state": one, "n": counts[one]} for one in codes.values_of("state") if one in counts],
        ideas=shown,
        peers=peer_pages.peer_activities(folded, language, words, today),
        practices=peer_pages.practices(folded, language, tag, compare),
        found=len(found),
        page=page,
        pages=pages,
        state=state,
        q=q,
        csrf=csrf,
        error=error,
        new=fresh()[:16],
        public=any(rules.is_public(idea) for idea in folded.ideas.ideas.values()),
    )


def matching(folded: rules.State, state: str, q: str) -> list[idea_rules.Idea]:
    """The ideas of a state with all of these words in title, summary, code or table, the last changed one first."""
    wanted = q.casefold().split()
    found = []
    for idea in folded.ideas.ideas.values():
        if state and idea.state != state:
            continue
        if wanted:
            said = [*(idea.fields.get("title") or {}).values(), *(idea.fields.get("summary") or {}).values()]
            text = " ".join([*said, idea.code or "", idea.table or ""]).casefold()
            if not all(one in text for one in wanted):
                continue
        found.append(idea)
    return sorted(found, key=lambda idea: (-idea.updated_at, idea.uid))


def idea_row(path: LivePath, idea: idea_rules.Idea, language: str, today: str) -> dict[str, Any]:
    """A line of the list. Days are counted to today, because nothing happens while an office is silent."""
    row = rules.row(path.line.folded, idea)
    return {
        **localise(row, language),
        "days_waiting": days_waiting(idea, today),
        "public": rules.is_public(idea),
        "changed": f"{day(idea.updated_at)} {clock_time(idea.updated_at)}",
    }


def phases_of(path: LivePath, language: str, words: Words) -> list[dict[str, Any]]:
    """[{"phase","name","sessions": [{"session","title","brought","stages": [{"title","left": [words]}]}]}], in the order
    of a path. brought: the date of a session that another Officina held, else None."""
    folded = path.line.folded
    view = localise(
        [
            {
                "session": code,
                "title": session.title,
                "phase": session.phase,
                "brought": held_on(folded.brought[code], language) if code in folded.brought else None,
                "stages": stages_brought(folded.brought[code], words)
                if code in folded.brought
                else [
                    {"title": kept.title, "activity": kept.activity, "left": left_of(kept.left, words)}
                    for (of, _), kept in folded.stages.items()
                    if of == code
                ],
            }
            for code, session in folded.sessions.items()
        ],
        language,
    )
    known = [*PHASES, *dict.fromkeys(one["phase"] for one in view if one["phase"] not in PHASES)]
    return [
        {
            "phase": phase,
            "name": words(f"parts.phase_{phase}") if phase in PHASES else phase,
            "sessions": [one for one in view if one["phase"] == phase],
        }
        for phase in known
    ]


def held_on(file: Mapping[str, Any], language: str) -> str:
    """The day of a session that was brought, as people write it; "" where its file tells none."""
    at = file["started_at"] or file["made_at"] or file["ended_at"]
    return written_day(day(at), language) if at else ""


def stages_brought(file: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    """The stages of a brought session that were opened, each with what it left, in words."""
    left: dict[str, dict[str, int]] = {}
    for one in file["outcomes"]:
        kinds = left.setdefault(one["stage"], {})
        kinds[one["kind"]] = kinds.get(one["kind"], 0) + 1
    return [
        {
            "title": Text(stage["title"]),
            "activity": stage["activity"],
            "left": left_of(left.get(stage["id"], {}), words),
        }
        for stage in file["agenda"]["stages"]
        if stage["state"] != "coming"
    ]


def place_of_session(path: LivePath, code: str | None) -> str | None:
    """Where the desk shows a session of the path: its own page, or the dossier for one that another Officina held."""
    if code is None or code not in path.line.folded.sessions:
        return None
    return f"/desk/paths/{path.id}#session-{code}" if code in path.line.folded.brought else f"/desk/{code}"


def left_of(left: Mapping[str, int], words: Words) -> list[str]:
    """What a stage left, in words; kinds that have none are counted together."""
    named = [words(f"kind.{kind}", n=n) for kind, n in left.items() if n and words.has(f"kind.{kind}")]
    others = sum(n for kind, n in left.items() if not words.has(f"kind.{kind}"))
    return [*named, words("kind_other", n=others)] if others else named


@router.post("/desk/paths/{id}/ideas")
async def new_idea(
    request: Request,
    id: str,
    idea: Annotated[str, Form(max_length=64)],
    title: Annotated[str, Form(max_length=200)] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """An empty idea, or one with its title. The form brings the id, so that it is made once however often it is sent."""
    signed = desk_of(request, csrf=csrf)
    path = path_of(request, id)
    language = language_of(request, path.languages())
    fields = {"title": {language: title.strip()}} if title.strip() else {}
    refused = await asked(path, f"new:{idea}", "new_idea", {"idea": idea, "fields": fields})
    if refused is not None and refused.refusal.code != "exists":
        text = path.screens.refusal_text(refused.refusal, spoken(language))
        return show_dossier(request, path, signed.csrf, error=text, status=409)
    return RedirectResponse(f"/desk/paths/{path.id}/ideas/{idea}", 303)


async def asked(path: LivePath, id: str, do: str, having: dict[str, Any]) -> Refused | None:
    """The desk's ask by a form; the refusal, or None."""
    asking = Asking("desk", None, id, None, do, having, path.line.now(), lambda answer: None)
    answer = await path.line.ask(asking)
    return answer if isinstance(answer, Refused) else None


# -- one idea ---------------------------------------------------------------------------------------------------------


@router.get("/desk/paths/{id}/ideas/{idea}")
async def one_idea(
    request: Request,
    id: str,
    idea: str,
    before: str = "",
    after: str = "",
) -> Response:
    """All of an idea, to read and to change. before, after: the versions to compare; `now` is the text as it stands."""
    signed = desk_of(request)
    path = path_of(request, id)
    found = path.line.folded.ideas.ideas.get(idea)
    house = house_of(request)
    view = rules.idea_view(path.line.folded, idea, house.today())
    if found is None or view is None:
        raise Failed(404, "unknown_idea")
    language = language_of(request, path.languages())
    t = words_of(request, language)
    laid = laid_for(request, path, language, found.fields)
    told = await sources_told(house, path, found, language)
    missing = needed(path, found, view)
    form = sections(laid, view, lambda leaf: told.get(leaf, []), [*view["completeness"]["missing"], *missing["rules"]])
    return draw(
        request,
        "paths:idea.html",
        language,
        t=t,
        path={"id": path.id, **localise(rules.head(path.line.folded), language)},
        number=path.line.number,
        csrf=signed.csrf,
        session={"groups": groups_of(path.line.folded, language)},
        idea=about(path, found, view, laid, house.today()),
        sections=form,
        whole=told.get("", []),
        missing=missing_words(missing["rules"], laid, groups_of(path.line.folded, language)),
        complete=view["completeness"],
        moves=moves_of(path, found, language),
        next_state=ONWARD.get(found.state),
        endorsement=view["endorsement"],
        smallest=SMALLEST,
        conditions=[
            {**one, "about": laid.name(place_of(one["field"]).partition("/")[0]) if one.get("field") else None}
            for one in view["conditions"]
        ],
        arguments={side: [one for one in view["arguments"] if one["side"] == side] for side in ("for", "against")},
        answers=answers_of(view["answers"], laid),
        answerable=found.state == "submitted"
        or (
            found.state == "answered"
            and found.answers[-1:] != ()
            and found.answers[-1][0].decision == "under_evaluation"
        ),
        decisions=options(t, "decision"),
        statuses=options(t, "step_status"),
        reasons=options(t, "withdrawal_reason"),
        lacks_backing=any(one["field"] == "endorsements" for one in missing["rules"]),
        steps=steps_of(laid, house.today()),
        indicators=indicators_of(laid, view["reading"]["indicators"]),
        reading=view["reading"],
        actors={one["value"]: one["text"] for one in choices(laid, "payer_actor")},
        compared=compared(found, laid, before, after),
        today=house.today(),
        blank=[fresh()[:16] for _ in range(3)],
    )


def options(words: Words, name: str) -> list[dict[str, str]]:
    """A closed list as choices."""
    return [{"value": one, "text": words(f"value.{name}_{one}")} for one in codes.values_of(name)]


def titled(idea: idea_rules.Idea, language: str) -> str:
    return str(localise(Text(idea.fields.get("title") or {}), language)) or idea.uid


def about(path: LivePath, found: idea_rules.Idea, view: Mapping[str, Any], laid: Laid, today: str) -> dict[str, Any]:
    """The head of the page: what the idea is called and how it stands."""
    session = path.line.folded.sessions.get(found.session or "")
    return {
        "uid": found.uid,
        "code": found.code,
        "title": laid.say(found.fields.get("title")) or laid.words("untitled"),
        "summary": laid.say(found.fields.get("summary")),
        "state": found.state,
        "version": found.version,
        "table": found.table,
        "session": found.session,
        "session_at": place_of_session(path, found.session),
        "session_title": localise(session.title, laid.language) if session else None,
        "form": view["form"],
        "editable": view["editable"],
        "days_waiting": days_waiting(found, today),
        "submitted": view.get("submitted"),
        "withdrawal": view.get("withdrawal"),
        "override": view.get("override"),
        "into": found.merged_into or found.superseded_by,
        "public": rules.is_public(found),
        "confidentiality": found.fields.get("confidentiality") or "path",
        "published": found.published_at is not None,
        "ended": found.state in ENDED,
        "history": [
            {**one, "at": f"{written_day(day(one['at']), laid.language)}, {clock_time(one['at'])}"}
            for one in reversed(view["history"])
        ],
    }


def needed(path: LivePath, found: idea_rules.Idea, view: Mapping[str, Any]) -> dict[str, Any]:
    """What stands between an idea and its next state: {"to","rules": [{"field","rule","group"?}]}."""
    to = ONWARD.get(found.state)
    lacking: list[dict[str, Any]] = []
    if to == "review":
        context = path.line.folded.context(found.uid)
        today = idea_rules.day_of(path.line.now())
        lacking = list(completeness_of(found, "card", context, today)["missing"])
    elif to == "published":
        lacking = list(view["completeness"]["missing"])
        lacking += [
            {"field": "endorsements", "rule": "endorsement_missing", "group": group}
            for group in view["endorsements_missing"]
        ]
    return {"to": to, "rules": lacking}


def missing_words(
    lacking: Iterable[Mapping[str, Any]], laid: Laid, groups: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each rule that is not met, in words, with the place on the page where it can be met."""
    names = {group["id"]: group["name"] for group in groups}
    found = []
    for one in lacking:
        if one["field"] == "endorsements":
            found.append(
                {
                    "text": laid.words("rule.endorsement_missing"),
                    "at": "endorsements",
                    "group": names.get(one.get("group")),
                }
            )
        else:
            found.append(
                {"text": laid.words(f"rule.{one['rule']}"), "at": id_of(place_of(one["field"])), "group": None}
            )
    return found


def moves_of(path: LivePath, found: idea_rules.Idea, language: str) -> list[dict[str, Any]]:
    """The states an idea may go to: {"to","guard","onward": bool,"others"?: ideas it may be joined with}."""
    moves = []
    for move in moves_from(found.state):
        row: dict[str, Any] = {"to": move.to, "guard": move.guard, "onward": move.to == ONWARD.get(found.state)}
        if move.guard in ("merged_into", "successor"):
            row["others"] = [
                {"value": other.uid, "text": " ".join(filter(None, (other.code, titled(other, language))))}
                for other in path.line.folded.ideas.ideas.values()
                if other.uid != found.uid and other.state not in ENDED
            ]
            if not row["others"]:
                continue
        if move.guard != "answer":
            moves.append(row)
    return moves


async def sources_told(
    house: House, path: LivePath, found: idea_rules.Idea, language: str
) -> dict[str, list[dict[str, Any]]]:
    """Where each field comes from, by path: the stage, the note with its words where they are still kept, the votes."""
    folded = path.line.folded
    groups = {group["id"]: group for group in groups_of(folded, language)}
    notes = await notes_of(
        house, folded, {(one.session, one.stage) for one in found.sources if one.session and one.stage}
    )
    told: dict[str, list[dict[str, Any]]] = {}
    for one in found.sources:
        stage = folded.stages.get((one.session or "", one.stage or ""))
        other = folded.ideas.ideas.get(one.uid or "") if one.source_kind == "idea" else None
        told.setdefault(one.field, []).append(
            {
                "kind": one.source_kind,
                "relation": one.relation,
                "session_at": place_of_session(path, one.session),
                "stage": localise(stage.title, language) if stage else one.stage,
                "text": notes.get((one.session, one.stage, one.note)),
                "number": one.number,
                "group": groups.get(one.own_group or ""),
                "table": one.table,
                "votes": sum(dots.total for dots in one.votes.values()) if one.votes else None,
                "idea": {"uid": other.uid, "title": localise(Text(other.fields.get("title") or {}), language)}
                if other
                else None,
                "thing": one.note or one.group or one.round or one.uid,
            }
        )
    return told


async def notes_of(
    house: House, folded: rules.State, stages: Iterable[tuple[str, str]]
) -> dict[tuple[Any, Any, Any], str]:
    """The words of the notes of these stages, by session, stage and note, as far as their sessions left them."""
    found: dict[tuple[Any, Any, Any], str] = {}
    for session, stage in stages:
        left: list[dict[str, Any]]
        if session in folded.brought:
            left = [one for one in folded.brought[session]["outcomes"] if one["stage"] == stage]
        else:
            live = await house.rooms.find(session)
            if live is None or stage not in live.room.folded.runs:
                continue
            left = live.room.activity_of(live.room.folded, stage).rules.outcomes(live.room.folded.runs[stage])
        for outcome in left:
            notes = outcome.get("notes")
            for note in notes if isinstance(notes, list) else ():
                id = note.get("id", note.get("note")) if isinstance(note, Mapping) else None
                if isinstance(id, str) and isinstance(note.get("text"), str):
                    found[session, stage, id] = note["text"]
    return found


def answers_of(answers: Iterable[Mapping[str, Any]], laid: Laid) -> list[dict[str, Any]]:
    return [
        {
            **one,
            "text": laid.say(one["text"]),
            "date": written_day(one["date"], laid.language),
            "cost": written_money({"exact": one["cost"]}, laid.language) if one.get("cost") else None,
            "cost_report": laid.say(one.get("cost_report")),
            "execution_period": one.get("execution_period"),
        }
        for one in answers
    ]


def steps_of(laid: Laid, today: str) -> list[dict[str, Any]]:
    found = []
    for path, row in laid.leaves.items():
        if path.startswith("next_steps/") and row:
            due, status = row.get("due"), row.get("status") or "todo"
            found.append(
                {
                    "uid": row["uid"],
                    "text": laid.say(row.get("text")),
                    "owner": row.get("owner"),
                    "co_owners": row.get("co_owners") or [],
                    "due": written_day(due, laid.language) if due else None,
                    "sort": due or "9999",
                    "late": bool(due) and status in ("todo", "doing") and (due + "-12-31"[len(due) - 4 :]) < today,
                    "status": status,
                    "reason": row.get("reason"),
                    "evidence_url": row.get("evidence_url"),
                    "output": laid.say(row.get("output")),
                }
            )
    return sorted(found, key=lambda one: (one["status"] in ("done", "dropped"), one["sort"]))


def indicators_of(laid: Laid, standing: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for path, row in laid.leaves.items():
        if not path.startswith("indicators/") or not row:
            continue
        base, aim = row.get("baseline") or {}, row.get("target") or {}
        readings = sorted(row.get("readings") or (), key=lambda one: one["date"])
        found.append(
            {
                "uid": row["uid"],
                "name": laid.say(row.get("name")),
                "type": row.get("type"),
                "unit": row.get("unit"),
                "owner": row.get("data_owner"),
                "frequency": row.get("frequency"),
                "status": standing.get(row["uid"], "no_data"),
                "baseline": _measured(base, laid.language),
                "target": _measured(aim, laid.language),
                "readings": [{**_measured(one, laid.language), "note": one.get("note"), "source": one.get("source")}
                             for one in readings],
            }
        )  # fmt: skip
    return found


def _measured(value: Mapping[str, Any], language: str) -> dict[str, Any]:
    return {
        "value": written_number(value["value"], language) if value.get("value") is not None else None,
        "date": written_day(value["date"], language) if value.get("date") else None,
    }


def compared(found: idea_rules.Idea, laid: Laid, before: str, after: str) -> dict[str, Any]:
    """Two versions side by side: {"versions": [...],"before","after","changes"?}. "now" is the text as it stands."""
    frozen = {str(one.version): one for one in found.frozen}
    versions = [
        {
            "version": one.version,
            "at": written_day(day(one.at), laid.language),
            "sha256": one.sha256,
            "intact": idea_rules.intact(found.uid, one),
        }
        for one in found.frozen
    ]
    if not frozen:
        return {"versions": versions, "before": "", "after": "", "changes": []}
    last = str(found.frozen[-1].version)
    after = after if after in frozen else "now"
    first = str(found.frozen[-2].version) if len(frozen) > 1 and (after == last or found.state in PUBLIC) else last
    before = before if before in frozen else first
    new = found.fields if after == "now" else frozen[after].fields
    return {
        "versions": versions,
        "before": before,
        "after": after,
        "changes": differences(laid, frozen[before].fields, new),
    }


# -- for everybody ----------------------------------------------------------------------------------------------------


def public_path(request: Request, id: str) -> tuple[LivePath, list[idea_rules.Idea]]:
    """A path with what everybody may read of it. Raises Failed 404, the same for one that is not there."""
    path = house_of(request).paths.find(id) if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", id) else None
    ideas = [one for one in path.line.folded.ideas.ideas.values() if rules.is_public(one)] if path else []
    if path is None or not ideas:
        raise Failed(404, "not_found")
    return path, sorted(ideas, key=lambda idea: (idea.code or "", idea.uid))


def public_language(request: Request, path: LivePath) -> str:
    """By the address, else by the browser; never by a cookie, because others are given the same copy of the page."""
    languages = path.languages()
    asked = request.query_params.get("lang")
    wishes = [
        asked,
        *(one.split(";")[0].strip()[:2].lower() for one in request.headers.get("accept-language", "").split(",")),
    ]
    return next((one for one in wishes if one in languages), languages[0])


def show_public(request: Request, template: str, language: str, **values: Any) -> Response:
    data = drawn(request, template, language, t=words_of(request, language), **values).encode()
    headers = {"vary": "accept-encoding, accept-language", "cache-control": f"public, max-age={PUBLIC_SECONDS}"}
    if len(data) > 1000 and "gzip" in request.headers.get("accept-encoding", ""):
        data = gzip.compress(data, 5, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(data, 200, headers, media_type="text/html")


@router.get("/p/{id}")
async def public_ideas(request: Request, id: str) -> Response:
    """What a path has published, without anybody's name."""
    path, ideas = public_path(request, id)
    language = public_language(request, path)
    today = house_of(request).today()
    laid = laid_for(request, path, language, {}, public=True)
    return show_public(
        request,
        "paths:public.html",
        language,
        path={"id": path.id, **localise(rules.head(path.line.folded), language)},
        languages=[one for one in path.languages() if one in HOUSE_LANGUAGES],
        ideas=[
            {
                "uid": idea.uid,
                "code": idea.code,
                "title": laid.say(idea.fields.get("title")) or laid.words("untitled"),
                "summary": laid.say(idea.fields.get("summary")),
                "state": idea.state,
                "domain": [laid.code("domain", one) for one in idea.fields.get("domain") or ()],
                "days_waiting": days_waiting(idea, today),
                "decision": idea.answers[-1][0].decision if idea.answers else None,
            }
            for idea in ideas
        ],
    )


@router.get("/p/{id}/{idea}")
async def public_idea(request: Request, id: str, idea: str) -> Response:
    """One published idea: its text, who backs it, what the office answered, what is done."""
    path, ideas = public_path(request, id)
    found = next((one for one in ideas if one.uid == idea), None)
    if found is None:
        raise Failed(404, "not_found")
    folded = path.line.folded
    language = public_language(request, path)
    today = house_of(request).today()
    laid = laid_for(request, path, language, found.fields, public=True)
    around = idea_rules.with_context(folded.ideas, folded.context(found.uid))
    view = idea_rules.published_view(around, found)
    standing = idea_rules.reading(found.form, today)
    other = next((one for one in ideas if one.uid in (found.superseded_by, found.merged_into)), None)
    return show_public(
        request,
        "paths:public_idea.html",
        language,
        path={"id": path.id, **localise(rules.head(folded), language)},
        languages=[one for one in path.languages() if one in HOUSE_LANGUAGES],
        session={"groups": groups_of(folded, language)},
        idea={
            "uid": found.uid,
            "code": found.code,
            "title": laid.say(found.fields.get("title")) or laid.words("untitled"),
            "summary": laid.say(found.fields.get("summary")),
            "state": found.state,
            "version": found.version,
            "licence": found.fields.get("licence") or "CC BY 4.0",
            "published_at": written_day(day(found.published_at), language),
            "submitted": view.get("submitted"),
            "submitted_on": written_day(view["submitted"]["date"], language) if view.get("submitted") else None,
            "withdrawal": view.get("withdrawal"),
            "override": view.get("override"),
            "days_waiting": days_waiting(found, today),
            "notes": len({one.note for one in found.sources if one.note}),
            "successor": {"uid": other.uid, "title": laid.say(other.fields.get("title"))} if other else None,
        },
        sections=read_only(laid),
        endorsement=view["endorsement"],
        smallest=SMALLEST,
        arguments={side: [one for one in view["arguments"] if one["side"] == side] for side in ("for", "against")},
        answers=answers_of(view["answers"], laid),
        steps=steps_of(laid, today),
        indicators=indicators_of(laid, standing["indicators"]),
        reading=standing,
    )
