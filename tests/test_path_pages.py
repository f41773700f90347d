"""The pages of a path: the dossier, one idea, and the page for everybody, which shows none too much."""

from __future__ import annotations

import asyncio
import re
import time
import tomllib
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from server.activities.contract.idea import sample
from server.activities.contract.idea.fields import LEAVES, described
from server.drawing import Drawing
from server.live.envelope import Receipt
from server.moment import fresh
from server.paths import layout, pages
from server.paths.differences import differences, words_changed
from server.paths.layout import NOT_HERE, SECTION_OF, Laid, control, money, read
from tests.inside import Inside, inside
from tests.leavings import PEERS, PRACTICES
from tests.people import GROUPS, KEY, plan, talk

HTML = {"accept": "text/html"}
DESK = "/desk/paths/prova"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onfocus='alert(1)",
    "</textarea><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
]


def story(tell: Callable[[Inside], Awaitable[None]]) -> Callable[[Path], None]:
    """A test told inside a house that has the path `prova`, with one session in it."""

    def told(tmp_path: Path) -> None:
        async def whole() -> None:
            async with inside(tmp_path) as room:
                await room.begins(plan(talk(), path="prova"))
                await room.house.paths.rest()
                await tell(room)

        asyncio.run(whole())

    told.__name__ = tell.__name__
    return told


async def asks(room: Inside, do: str, key: str = KEY, /, **having: Any) -> None:
    answer = await tries(room, do, key, **having)
    assert answer.status_code == 200, (do, answer.text)


async def tries(room: Inside, do: str, key: str = KEY, /, **having: Any) -> httpx.Response:
    body = {"id": fresh(), "stage": None, "do": do, "with": having}
    return await room.call("POST", "/api/paths/prova/asks", key, json=body)


async def page(room: Inside, path: str, key: str | None = KEY, **headers: str) -> str:
    answer = await room.call("GET", path, key, headers={**HTML, **headers})
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
    return answer.text


async def publishes(room: Inside, uid: str = "pub", **fields: Any) -> None:
    """A full idea, public, all the way to the office."""
    whole = {**sample.full(), "confidentiality": "public", **fields}
    await asks(room, "new_idea", idea=uid, fields=whole)
    await asks(room, "move_idea", idea=uid, to="review")
    await asks(room, "move_idea", idea=uid, to="published", override="Al tavolo finale c'era un solo gruppo.")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def laid(language: str = "it", **leaves: Any) -> Laid:
    return Laid(Drawing({}).words("paths", language), language, ("it", "en"), leaves)


async def a_market(
    room: Inside, peers: list[dict[str, Any]] = PEERS, practices: list[dict[str, Any]] = PRACTICES
) -> None:
    """What a marketplace of the path's session left when it closed."""
    closed: dict[str, Any] = {
        "session": room.code,
        "stage": "market",
        "activity": "marketplace",
        "title": {"it": "Mercato"},
    }
    closed |= {"closed_at": 1, "practices": practices, "peers": peers}
    assert isinstance(await room.house.paths.live["prova"].ask_as_server(fresh(), "take_stage", closed), Receipt)


# -- practices and activities between organisations -------------------------------------------------------------------


@story
async def test_the_page_shows_activities_with_days_in_words_and_practices_as_cards(room: Inside) -> None:
    without = text_of(await page(room, DESK))
    assert "Attività fra organizzazioni" not in without and "Pratiche" not in without
    today = date.fromisoformat(room.house.today())
    days = {"p1": timedelta(days=12), "p2": timedelta(days=-3), "p3": timedelta(), "p4": timedelta(days=-1)}
    peers = [
        {
            **PEERS[0],
            "peer": peer,
            "date": (today + away).isoformat(),
            "status": "done" if peer == "p4" else "scheduled",
        }
        for peer, away in days.items()
    ]
    await a_market(room, peers)
    said = text_of(await page(room, DESK))
    for words in (
        "fra 12 giorni",
        "in ritardo di 3 giorni",
        "oggi",
        "1 in ritardo",
        "Lyon: Evaluation unit",
        "65 patti (registro)",
    ):
        assert words in said, words
    assert "in ritardo di 1 giorno" not in said, "what is done is not late"
    english = text_of(await page(room, f"{DESK}?lang=en"))
    assert "in 12 days" in english and "Torino needs and Lyon offers: impact assessment" in english


@story
async def test_practices_are_found_by_what_they_offer_need_and_ask_for(room: Inside) -> None:
    await a_market(room)

    async def shown(tag: str) -> list[str]:
        html = await page(room, f"{DESK}?{httpx.QueryParams({'tag': tag})}")
        return re.findall(r'class="practice-name">(?:<span[^>]*>)?([^<]+)', html)

    everything = ["Patti di collaborazione", "Valutare per decidere", "Solo un titolo"]
    assert await shown("") == everything
    assert await shown("conditions:un regolamento comunale") == everything[:2], "one tag, in whichever language"
    assert await shown("offers:beni comuni") == everything[:1]
    assert await shown("needs:valutazione d'impatto") == everything[:1]
    assert await shown("offers:impact assessment") == everything[1:2], "an offer is no need"
    assert await shown("offers:nobody has this") == everything, "an address of yesterday shows everything"


@story
async def test_chosen_practices_stand_side_by_side(room: Inside) -> None:
    await a_market(room)
    code = room.code

    async def compared(*ids: str) -> str:
        asked = "&".join(f"compare={code}:{id}" for id in ids)
        return await page(room, f"{DESK}?{asked}")

    html = await compared("pacts", "evaluation", "nobody")
    table = re.search(r'<table class="practice-table">(.*?)</table>', html, re.DOTALL)
    assert table
    heads = re.findall(r'<th scope="col">(.*?)</th>', table[1])
    assert heads == ["Patti di collaborazione", "Valutare per decidere"]
    rows = {row[0]: row[1] for row in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table[1], re.DOTALL)}
    assert list(rows) == ["Il problema", "Che cosa si è fatto", "Risultati", "Limiti", "Condizioni per rifarla altrove"]
    assert "65 patti (registro)" in rows["Risultati"] and "non detto" in rows["Risultati"]
    one = await compared("pacts")
    assert "practice-table" not in one and "almeno due pratiche" in one
    assert (await room.call("GET", f"{DESK}?{'compare=x&' * 300}", KEY)).status_code in (200, 422)


@story
async def test_activities_and_practices_are_on_no_page_for_everybody(room: Inside) -> None:
    await a_market(room)
    await publishes(room)
    for where in ("/p/prova", "/p/prova/pub"):
        said = text_of(await page(room, where, None))
        assert "Misurare i patti" not in said and "Patti di collaborazione" not in said and "Evaluation" not in said


@story
async def test_what_people_wrote_of_practices_and_activities_is_only_ever_text(room: Inside) -> None:
    wild = HOSTILE[:6]
    practices = [
        {**PRACTICES[0], "practice": f"w{n}", "title": {"it": bad}, "done": {"it": bad}, "offers": [{"it": bad}],
         "organisation": {"it": bad}, "results": [{"value": {"it": bad}, "evidence": {"it": bad}}]}
        for n, bad in enumerate(wild)
    ]  # fmt: skip
    peers = [
        {**PEERS[0], "peer": f"w{n}", "topic": bad, "first_step": bad, "result": bad,
         "parties": [{"organisation": bad[:64], "name": bad, "owner": bad}, {"organisation": "lyon", "name": "Lyon"}]}
        for n, bad in enumerate(wild)
    ]  # fmt: skip
    await a_market(room, peers, practices)
    html = await page(room, f"{DESK}?" + "&".join(f"compare={room.code}:w{n}" for n in range(6)))
    for bad in wild:
        assert str(escape(bad)) in html
    for raw in ("<script>alert", "<img src=x", "<svg onload", "' onfocus='"):
        assert raw not in html, raw
    assert "{{ 7 * 7 }}" in html


@story
async def test_the_desk_writes_what_becomes_of_an_activity_and_a_phone_does_not(room: Inside) -> None:
    await a_market(room)
    await asks(room, "follow_peer", peer="p1", base={"status": 0}, set={"status": "done", "result": "Visita fatta"})
    assert "Visita fatta" in text_of(await page(room, DESK))
    badge, _ = await room.joins("Ada", "civil_servants")
    refused = await tries(room, "follow_peer", badge, peer="p1", set={"status": "dropped"})
    assert refused.status_code == 403
    stale = await tries(room, "follow_peer", peer="p1", base={"status": 0}, set={"status": "dropped"})
    assert stale.status_code == 409
    error = stale.json()["error"]
    assert error["code"] == "changed_since" and error["details"]["current"] == "done" and len(error["text"]) > 20
    for change, code in (
        ({"owners": {"napoli": "x"}}, "not_a_party"),
        ({"date": "2027-02-30"}, "bad_date"),
    ):
        answer = await tries(room, "follow_peer", peer="p1", set=change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
        assert answer.json()["error"]["text"] != code, "in words"
    unknown = await tries(room, "follow_peer", peer="nobody", set={"topic": "x"})
    assert unknown.json()["error"]["code"] == "unknown_peer" and unknown.json()["error"]["text"] != "unknown_peer"


# -- all paths, one dossier -------------------------------------------------------------------------------------------


@story
async def test_a_path_is_made_from_its_title_and_found_on_the_desk(room: Inside) -> None:
    form = {"title_it": "Orti & scuole: città aperta", "title_en": ""}
    made = await room.call("POST", "/desk/paths", KEY, data=form)
    assert made.status_code == 303 and made.headers["location"] == "/desk/paths/orti-scuole-citta-aperta"
    again = await room.call("POST", "/desk/paths", KEY, data=form)
    assert again.headers["location"] == "/desk/paths/orti-scuole-citta-aperta-2", "a second one is another path"
    for where in ("/desk", "/desk/paths"):
        assert 'href="/desk/paths/orti-scuole-citta-aperta"' in await page(room, where)
    refused = await room.call("POST", "/desk/paths", KEY, data={"title_it": " "}, headers=HTML)
    assert refused.status_code == 422 and "Scrivere il titolo" in refused.text


@pytest.mark.parametrize(
    ("title", "id"), [("Città", "citta"), ("42", "path-42"), ("東京", "path"), ("a", "path-a"), ("x" * 90, "x" * 34)]
)
def test_every_title_makes_an_id_that_a_path_may_have(title: str, id: str) -> None:
    assert pages.free_id(title, []) == id
    assert re.fullmatch(r"[a-z][a-z0-9_-]{1,39}", pages.free_id(title, [id]))


@story
async def test_the_pages_of_the_desk_are_for_the_host_alone(room: Inside) -> None:
    await asks(room, "new_idea", idea="i1", fields={})
    badge, _ = await room.joins("Ada", "civil_servants")
    for where in ("/desk/paths", DESK, f"{DESK}/ideas/i1"):
        assert (await room.call("GET", where, headers=HTML)).status_code == 401
        assert (await room.call("GET", where, badge, headers=HTML)).status_code == 401
    for where in ("/desk/paths", f"{DESK}/ideas"):
        assert (await room.call("POST", where, data={"idea": "x1", "title_it": "Mia"})).status_code == 401
    assert (await room.call("GET", "/desk/paths/altro", KEY, headers=HTML)).status_code == 404
    assert (await room.call("GET", f"{DESK}/ideas/altro", KEY, headers=HTML)).status_code == 404


@story
async def test_a_form_without_the_token_of_its_page_changes_nothing(room: Inside) -> None:
    access = room.house.access
    cookie = f"{access.desk_cookie}={await access.sign_in(room.house.clock.now())}"
    for csrf, status in (("", 403), ("wrong", 403)):
        data = {"idea": "i1", "title": "Un titolo qualunque", "csrf": csrf}
        answer = await room.call("POST", f"{DESK}/ideas", data=data, headers={"cookie": cookie})
        assert answer.status_code == status
    html = await page(room, DESK, None, cookie=cookie)
    token = re.search(r'name="csrf" value="([^"]+)"', html)
    assert token and "i1" not in room.house.paths.live["prova"].line.folded.ideas.ideas
    data = {"idea": "i1", "title": "Un titolo qualunque", "csrf": token[1]}
    answer = await room.call("POST", f"{DESK}/ideas", data=data, headers={"cookie": cookie})
    assert answer.status_code == 303


@story
async def test_a_new_idea_is_made_once_however_often_its_form_is_sent(room: Inside) -> None:
    html = await page(room, DESK)
    found = re.search(r'name="idea" value="(\w{16})"', html)
    assert found
    for _ in range(2):
        made = await room.call("POST", f"{DESK}/ideas", KEY, data={"idea": found[1], "title": "Biblioteca di notte"})
        assert made.status_code == 303 and made.headers["location"] == f"{DESK}/ideas/{found[1]}"
    ideas = room.house.paths.live["prova"].line.folded.ideas.ideas
    assert [idea.fields["title"] for idea in ideas.values()] == [{"it": "Biblioteca di notte"}]
    html = await page(room, DESK)
    assert found[1] in html and f'value="{found[1]}"' not in html, "the next form makes another idea"


@story
async def test_the_list_is_filtered_by_state_and_by_words_without_any_script(room: Inside) -> None:
    await asks(room, "new_idea", idea="orti", fields={"title": {"it": "Orti di quartiere", "en": "Gardens"}})
    await asks(room, "new_idea", idea="casa", fields={"title": {"it": "Casa ai giovani"}})
    await asks(room, "move_idea", idea="casa", to="parked")

    async def shown(query: str) -> list[str]:
        return re.findall(rf'<h3><a href="{DESK}/ideas/(\w+)"', await page(room, DESK + query))

    assert await shown("") == ["casa", "orti"], "the last changed one first"
    assert await shown("?state=parked") == ["casa"]
    assert await shown("?q=QUARTIERE+orti") == ["orti"]
    assert await shown("?q=garden&state=draft") == ["orti"], "in every language"
    assert await shown("?q=garden&state=parked") == []
    assert await shown("?state=no_such_state") == ["casa", "orti"]


@story
async def test_a_dossier_of_five_hundred_ideas_is_drawn_in_a_fifth_of_a_second(room: Inside) -> None:
    path = room.house.paths.live["prova"]
    for n in range(500):
        fields = {**sample.full(), "title": {"it": f"Idea numero {n}", "en": f"Idea number {n}"}}
        assert await pages.asked(path, f"n{n}", "new_idea", {"idea": f"i{n}", "fields": fields}) is None
    took = []
    for _ in range(5):
        began = time.perf_counter()
        html = await page(room, DESK)
        took.append(time.perf_counter() - began)
    assert html.count('class="idea-row') == pages.ROWS
    assert min(took) < 0.2, took
    seen = {one for n in range(1, 6) for one in re.findall(r"/ideas/(i\d+)\"", await page(room, f"{DESK}?page={n}"))}
    assert len(seen) == 500, "every idea stands on one of the pages"


@story
async def test_phases_name_their_sessions_and_what_each_stage_left(room: Inside) -> None:
    await room.does("go_next")
    await room.does("close_stage")
    await room.house.paths.rest()
    html = text_of(await page(room, DESK))
    assert "Sensibilizzazione Una prova Apertura" in html
    html = await page(room, DESK)
    assert f'href="/desk/{room.code}"' in html
    for kind in ("zip", "json", "xlsx", "docx", "pdf"):
        assert f'href="/api/paths/prova/export.{kind}"' in html


# -- one idea ---------------------------------------------------------------------------------------------------------


def test_every_field_of_the_form_has_its_section_and_a_way_to_be_edited() -> None:
    for entry in described():
        assert entry["path"].split(".")[0] in SECTION_OF, entry["path"]
        name = entry["path"].rpartition(".")[2]
        inner = entry.get("row", [])
        for one in [entry, *inner]:
            made = control(laid(), one, None, "x")
            assert (made is None) == (one["path"].rpartition(".")[2] in NOT_HERE), f"{name}: {one['path']}"
    assert set(layout.ASKED) <= LEAVES.keys()


@story
async def test_an_idea_in_draft_can_be_edited_field_by_field_and_a_frozen_one_cannot(room: Inside) -> None:
    await asks(room, "new_idea", idea="i1", fields=sample.full())
    html = await page(room, f"{DESK}/ideas/i1")
    edited = re.findall(r'data-edit="([^"]+)"', html)
    plain = {path for path, leaf in LEAVES.items() if leaf.kind != "rows" and path.rpartition(".")[2] not in NOT_HERE}
    lists = {path for path, leaf in LEAVES.items() if leaf.kind == "rows"}
    assert plain | lists <= set(edited)
    assert {"obstacles/rules", "actors/city", "pbr_terms/p1"} <= set(edited), "each row on its own"
    await asks(room, "move_idea", idea="i1", to="review")
    html = await page(room, f"{DESK}/ideas/i1")
    assert "data-edit" not in html and "Il testo è fermo alla versione 1" in html


@story
async def test_what_is_missing_for_the_next_state_stands_first_and_leads_to_its_field(room: Inside) -> None:
    fields = {**sample.card(), "summary": {}}
    fields["obstacles/rules"] = {**fields["obstacles/rules"], "overcome": []}
    await asks(room, "new_idea", idea="i1", fields=fields)
    html = await page(room, f"{DESK}/ideas/i1")
    missing = html[html.index('id="missing"') : html.index("</ul>", html.index('id="missing"'))]
    led = re.findall(r'href="#([^"]+)"', missing)
    assert led == ["at-summary", "at-obstacles-rules"], "the card's rules, because the review comes next"
    assert all(f'id="{place}"' in html for place in led)
    await asks(room, "edit_idea", idea="i1", set={"summary": sample.card()["summary"]})
    way = {"uid": "w1", "text": {"it": "Un patto."}}
    row = {**sample.card()["obstacles/rules"], "overcome": [way]}
    await asks(room, "edit_idea", idea="i1", base={"obstacles/rules": 1}, set={"obstacles/rules": row})
    await asks(room, "move_idea", idea="i1", to="review")
    html = text_of(await page(room, f"{DESK}/ideas/i1"))
    assert "Per pubblicare mancano" in html and "sostegno da ogni gruppo" in html.replace("almeno un ", "")


@story
async def test_each_state_offers_its_own_moves_with_what_they_need(room: Inside) -> None:
    await publishes(room)
    html = await page(room, f"{DESK}/ideas/pub")
    assert 'id="move-submitted-office"' in html and 'id="move-submitted-date"' in html
    assert 'id="move-withdrawn-reason"' in html and 'id="move-withdrawn-explanation"' in html
    await asks(room, "move_idea", idea="pub", to="submitted", office="Casa", date="2026-11-20")
    html = await page(room, f"{DESK}/ideas/pub")
    assert 'data-ask="answer_idea"' in html and 'id="move-implementing"' not in html
    await asks(
        room,
        "answer_idea",
        idea="pub",
        decision="rejected",
        text={"it": "Mancano i fondi."},
        office="Casa",
        date="2026",
    )
    html = await page(room, f"{DESK}/ideas/pub")
    assert 'data-ask="answer_idea"' not in html and "Mancano i fondi." in html and 'id="move-implementing"' in html
    await asks(room, "move_idea", idea="pub", to="withdrawn", reason="other", explanation="Si riparte da capo.")
    html = await page(room, f"{DESK}/ideas/pub")
    assert 'data-ask="move_idea"' not in html and "Si riparte da capo." in html


@story
async def test_days_are_counted_to_today_while_the_office_is_silent(room: Inside) -> None:
    await publishes(room)
    await asks(room, "move_idea", idea="pub", to="submitted", office="Casa", date="2026-11-20")
    later = room.house.clock.now() + 12 * 86_400_000
    room.house.clock.now = lambda: later  # type: ignore[method-assign]
    for where, key in ((DESK, KEY), (f"{DESK}/ideas/pub", KEY), ("/p/prova", None), ("/p/prova/pub", None)):
        assert "12 giorni" in text_of(await page(room, where, key)), where


@story
async def test_where_a_field_comes_from_is_told_beside_it(room: Inside) -> None:
    source = {
        "field": "problem",
        "note": "n1",
        "stage": "talk",
        "session": room.code,
        "number": 412,
        "own_group": "civil_servants",
        "votes": {"r1": {"total": 4}, "r2": {"total": 3}},
    }
    fields = {"problem": {"it": "Mancano spazi"}}
    await asks(room, "new_idea", idea="i1", fields=fields, sources=[source])
    html = await page(room, f"{DESK}/ideas/i1")
    told = html[html.index('id="at-problem-sources"') : html.index("</details>", html.index('id="at-problem-sources"'))]
    assert "nota 412" in told and "7 punti" in told and f'href="/desk/{room.code}"' in told
    assert 'aria-label="Funzionari pubblici"' in told and "unlink_source" in told


@story
async def test_a_payment_rule_is_one_sentence_and_the_money_is_summed(room: Inside) -> None:
    await asks(room, "new_idea", idea="i1", fields=sample.full())
    html = text_of(await page(room, f"{DESK}/ideas/i1")).replace("\xa0", " ").replace("&nbsp;", " ")
    assert re.search(r"Direzione Lavoro +paga +2[ .\u202f]?000 € +a +Cooperativa Ponte", html), html[:200]
    assert "Ancora da trovare" in html


@story
async def test_two_wordings_wait_beside_each_other_for_somebody_to_choose(room: Inside) -> None:
    await asks(room, "new_idea", idea="i1", fields={"title": {"it": "Biblioteca aperta la sera"}})
    for words in ("Museo chiuso al mattino", "Piscina gratis in estate"):
        await asks(room, "edit_idea", idea="i1", base={"title": 1}, set={"title": {"it": words}})
    html = await page(room, f"{DESK}/ideas/i1")
    assert "Museo chiuso al mattino" in html and "Piscina gratis in estate" in html
    for keep in ("mine", "theirs", "both"):
        assert f"&#34;keep&#34;:&#34;{keep}&#34;" in html


# -- differences ------------------------------------------------------------------------------------------------------

SENTENCES = st.text(st.sampled_from("ab c.\n"), max_size=60)


@given(SENTENCES, SENTENCES)
def test_a_difference_holds_both_texts_whole(before: str, after: str) -> None:
    pieces = words_changed(before, after)
    assert "".join(text for what, text in pieces if what != "ins") == before
    assert "".join(text for what, text in pieces if what != "del") == after


def test_only_the_words_that_changed_are_marked() -> None:
    pieces = words_changed("Le procedure sono lente.", "Le procedure di gara sono molto lente.")
    assert [text for what, text in pieces if what == "del"] == []
    assert [text.strip() for what, text in pieces if what == "ins"] == ["di gara", "molto"]


def test_long_texts_are_compared_in_time() -> None:
    began = time.perf_counter()
    words_changed("parola " * 2_000, "altra " * 2_000)
    words_changed("a b\n" * 1_000, "b a\n" * 1_000)
    assert time.perf_counter() - began < 1


def test_rows_differ_field_by_field_and_by_language() -> None:
    before = {"obstacles/o": {"uid": "o", "text": {"it": "Lento", "en": "Slow"}, "severity": 2}}
    after = {
        "obstacles/o": {"uid": "o", "text": {"it": "Molto lento", "en": "Slow"}, "severity": 4},
        "domain": ["food"],
    }
    found = differences(laid(), before, after)
    assert [(one["path"], one["what"]) for one in found] == [("domain", "new"), ("obstacles/o", "changed")]
    lines = {line["name"]: line["pieces"] for line in found[1]["lines"]}
    assert set(lines) == {"Testo", "Gravità"}
    assert ("del", "2") in lines["Gravità"] and ("ins", "4") in lines["Gravità"]


@story
async def test_a_version_is_compared_with_what_stands_now_or_with_another_one(room: Inside) -> None:
    await asks(room, "new_idea", idea="i1", fields=sample.full())
    for n, problem in enumerate(("Molti giovani cercano lavoro.", "Molti giovani cercano un lavoro vero.")):
        await asks(room, "edit_idea", idea="i1", base={"problem": n + 1}, set={"problem": {"it": problem}})
        await asks(room, "move_idea", idea="i1", to="review")
        await asks(room, "move_idea", idea="i1", to="draft")
    html = await page(room, f"{DESK}/ideas/i1?before=1&after=2")
    ins = [text_of(one).strip() for one in re.findall(r"<ins>(.*?)</ins>", html)]
    assert ins == ["aggiunto: un fine.", "aggiunto: vero fine."], ins
    assert "Nessuna differenza." in await page(room, f"{DESK}/ideas/i1?before=2&after=now")
    assert "Nessuna differenza." in await page(room, f"{DESK}/ideas/i1?before=nope&after=99")


# -- hostile texts ----------------------------------------------------------------------------------------------------


def hostile_fields(words: str) -> dict[str, Any]:
    """A whole form in which every text that people may type is this one."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict) and value and set(value) <= {"it", "en"}:
            return dict.fromkeys(value, words)
        if isinstance(value, dict):
            return {name: words + value["uid"] if name in ("name", "owner") and isinstance(one, str) else filled(one)
                    for name, one in value.items()}  # fmt: skip
        return [filled(one) for one in value] if isinstance(value, list) else value

    return {path: filled(value) for path, value in sample.full().items()} | {"confidentiality": "public"}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_text_is_only_a_text_on_every_page(tmp_path: Path, words: str) -> None:
    @story
    async def told(room: Inside) -> None:
        words_ = words.ljust(12, "!")
        fields = hostile_fields(words_)
        await asks(room, "new_idea", idea="pub", fields=fields, table=words_[:40])
        await asks(room, "move_idea", idea="pub", to="review")
        badge, _ = await room.joins("Ada", "civil_servants")
        await asks(room, "argue", badge, idea="pub", argument="a1", side="for", text=words_)
        conditions = [{"text": words_, "degree": "should"}]
        await asks(
            room, "endorse", badge, idea="pub", version=1, level="support_with_conditions", conditions=conditions
        )
        desk = await page(room, f"{DESK}/ideas/pub")
        await asks(room, "move_idea", idea="pub", to="published", override=words_)
        await asks(room, "move_idea", idea="pub", to="submitted", office=words_, date="2026-11-20")
        answer = {"it": words_}
        await asks(room, "answer_idea", idea="pub", decision="rejected", text=answer, office=words_, date="2026")
        where = [DESK, f"{DESK}?q={httpx.QueryParams({'q': words_})['q']}", f"{DESK}/ideas/pub"]
        seen = [desk, *[await page(room, one) for one in where]]
        seen += [await page(room, one, None) for one in ("/p/prova", "/p/prova/pub")]
        assert all(str(escape(words_)) in html for html in seen)
        for html in seen:
            assert "49" not in re.findall(r"\b49\b", text_of(html)), "no template inside a text"
            bare = re.sub(r'"[^"]*"|\'[^\']*\'', '""', "".join(re.findall(r"<[a-zA-Z][^>]*>", html)))
            assert not re.search(r"<script(?! (?:defer|type|src))|onerror|onload|onfocus|<img|javascript:", bare), bare

    told(tmp_path)


def test_an_address_that_a_browser_would_run_is_never_a_link() -> None:
    with pytest.raises(ValueError):
        from server.activities.contract.idea.fields import read as kept

        kept("evidence/e1", {"url": "javascript:alert(1)"})


# -- for everybody ----------------------------------------------------------------------------------------------------


@story
async def test_an_empty_path_and_one_that_is_not_there_are_the_same_to_everybody(room: Inside) -> None:
    await asks(room, "new_idea", idea="i1", fields=sample.full())
    empty = await room.call("GET", "/p/prova", headers=HTML)
    none = await room.call("GET", "/p/altro", headers=HTML)
    hidden = await room.call("GET", "/p/prova/i1", headers=HTML)
    assert (empty.status_code, none.status_code, hidden.status_code) == (404, 404, 404)
    assert empty.text == none.text == hidden.text
    await publishes(room)
    for where in ("/p/prova/i1", "/p/prova/none", "/p/PROVA", "/p/" + "x" * 200, "/p/prova%00"):
        assert (await room.call("GET", where, headers=HTML)).status_code == 404, where


@story
async def test_everybody_reads_the_published_idea_without_a_script_and_may_keep_it_a_minute(room: Inside) -> None:
    await publishes(room)
    for where in ("/p/prova", "/p/prova/pub"):
        answer = await room.call("GET", where, headers={**HTML, "accept-language": "en-GB,en;q=0.8"})
        assert answer.headers["cache-control"] == "public, max-age=60"
        assert "accept-language" in answer.headers["vary"] and "set-cookie" not in answer.headers
        assert "<script" not in answer.text and "A neighbourhood desk for a first job" in answer.text
        assert 'lang="en"' in answer.text
        italian = await room.call("GET", f"{where}?lang=it", headers={**HTML, "accept-language": "en"})
        assert "set-cookie" not in italian.headers and "Sportello di quartiere per il primo lavoro" in italian.text
        assert "CC BY 4.0" in italian.text


@story
async def test_the_public_page_tells_nothing_that_was_said_among_colleagues(room: Inside) -> None:
    actor = {"uid": "city", "name": "Direzione Lavoro", "sector": "public", "role": "lead", "power": 5, "interest": 1}
    source = {"field": "problem", "note": "secret-note", "stage": "talk", "session": room.code, "number": 412}
    fields = {**sample.full(), "confidentiality": "public", "actors/city": {**actor, "contact_consent": True}}
    fields["loose/l1"] = {"uid": "l1", "text": {"it": "Nota ancora da sistemare"}}
    await asks(room, "new_idea", idea="pub", fields=fields, sources=[source])
    await asks(room, "move_idea", idea="pub", to="draft")
    await asks(room, "move_idea", idea="pub", to="review")
    badges = [await room.joins(f"Nome Cognome {n}", GROUPS[n % 2]["id"]) for n in range(6)]
    for badge, _ in badges:
        await asks(room, "endorse", badge, idea="pub", version=1, level="support", organisation="Associazione Tale")
    await asks(room, "argue", badges[0][0], idea="pub", argument="a1", side="against", text="Costa troppo")
    await asks(room, "move_idea", idea="pub", to="published")
    html = await page(room, "/p/prova/pub", None)
    text = text_of(html)
    assert "Costa troppo" in text and "6 persone si sono espresse" in text
    assert "Meno di 5 persone in un gruppo" in text, "three and three are too few to be told apart"
    for hidden in ("Nome Cognome", "Associazione Tale", "secret-note", "412", room.code, "Potere", "da sistemare",
                   *(person for _, person in badges)):  # fmt: skip
        assert hidden not in html, hidden


@story
async def test_an_answer_of_the_office_is_read_by_everybody(room: Inside) -> None:
    await publishes(room)
    await asks(room, "move_idea", idea="pub", to="submitted", office="Direzione Casa", date="2026-11-20")
    said = {"decision": "accepted", "office": "Direzione Casa", "date": "2026-11-22", "cost": "90000"}
    said |= {
        "text": {"it": "Si comincia a marzo."},
        "cost_report": {"it": "Bilancio 2027."},
        "execution_period": "2027",
    }  # type: ignore[dict-item]
    await asks(room, "answer_idea", idea="pub", **said)
    text = text_of(await page(room, "/p/prova/pub", None)).replace("\xa0", " ")
    for part in ("accolta", "Direzione Casa", "Si comincia a marzo.", "90.000 €", "Bilancio 2027.", "2027"):
        assert part in text, part


@story
async def test_what_an_organiser_takes_back_from_the_public_is_gone_at_once(room: Inside) -> None:
    await publishes(room)
    assert (await room.call("GET", "/p/prova/pub", headers=HTML)).status_code == 200
    await asks(room, "new_idea", idea="other", fields={})
    await asks(room, "move_idea", idea="pub", to="withdrawn", reason="started", explanation="Il Comune la fa già.")
    text = text_of(await page(room, "/p/prova/pub", None))
    assert "Il Comune la fa già." in text, "it was public, so that it is withdrawn is public too"


# -- values and words -------------------------------------------------------------------------------------------------


def test_values_are_written_as_people_write_them() -> None:
    assert money({"exact": "60000"}, "it").replace("\xa0", " ") == "60.000 €"
    assert money({"exact": "1234.5"}, "it").replace("\xa0", " ") == "1.234,50 €"
    assert money({"exact": "60000"}, "en") == "€60,000"
    assert money({"min": "1", "max": "2", "currency": "CHF"}, "en").replace("\xa0", " ") == "CHF 1 – CHF 2"
    for partial, italian in (("2026", "2026"), ("2026-03", "marzo 2026"), ("2026-03-31", "31 marzo 2026")):
        assert layout.day(partial, "it") == italian


def test_a_text_keeps_the_language_it_is_really_in() -> None:
    entry = next(one for one in described() if one["path"] == "title")
    shown = read(laid("en"), entry, {"it": "Solo in italiano"})
    assert shown is not None and shown["text"].lang == "it"


def test_both_languages_say_the_same_things() -> None:
    folder = Path(pages.__file__).parent
    said = [flat(tomllib.loads((folder / f"words.{one}.toml").read_text("utf-8"))) for one in ("it", "en")]
    assert said[0].keys() == said[1].keys()
    for key, words in said[0].items():
        assert fields_in(words) == fields_in(said[1][key]), key


def flat(words: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in words.items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return found


def fields_in(words: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", words))
