"""The pages of a path in a real browser: no barrier, by keys alone, and nothing typed is ever lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from server.activities.contract.idea import sample
from server.live.envelope import Receipt
from server.moment import fresh
from tests import people
from tests.browser.access import all_of, audit, tab_to
from tests.browser.glass import Glass
from tests.leavings import PEERS, PRACTICES
from tests.people import GROUPS, plan, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESK = "/desk/paths/prova"
WIDTHS = (1280, 768)


@pytest_asyncio.fixture(loop_scope="session")
async def path(glass: Glass) -> AsyncIterator[Glass]:
    """A house with the path `prova` and one session in it."""
    await glass.day.begins(plan(talk(), path="prova"))
    await glass.day.house.paths.rest()
    yield glass


async def asks(glass: Glass, do: str, key: str = people.KEY, /, **having: Any) -> None:
    body = {"id": fresh(), "stage": None, "do": do, "with": having}
    answer = await glass.day.api("POST", "/api/paths/prova/asks", key, json=body)
    assert answer.status_code == 200, (do, answer.text)


def fields_of(glass: Glass, uid: str) -> Any:
    return glass.day.house.paths.live["prova"].line.folded.ideas.ideas[uid].fields


async def a_market(glass: Glass) -> None:
    """What a marketplace left: practices and activities between organisations."""
    closed: dict[str, Any] = {
        "session": glass.code,
        "stage": "market",
        "activity": "marketplace",
        "title": {"it": "Mercato"},
    }
    late = {**PEERS[1], "peer": "p3", "status": "accepted", "date": "2026-01-10", "follow_up": "2026-02-10"}
    closed |= {"closed_at": 1, "practices": PRACTICES, "peers": [*PEERS, late]}
    path = glass.day.house.paths.live["prova"]
    assert isinstance(await path.ask_as_server(fresh(), "take_stage", closed), Receipt)


def followed(glass: Glass, peer: str) -> Any:
    return glass.day.house.paths.live["prova"].line.folded.peers.followed[peer].activity


async def whole(glass: Glass) -> None:
    """Ideas in every kind of state, with support, conditions, arguments, sources, an answer and a second wording."""
    source = {"field": "problem", "note": "n1", "stage": "talk", "session": glass.code, "own_group": "civil_servants"}
    rich = {**sample.full(), "confidentiality": "public"}
    reading = {"uid": "r1", "date": "2026-06", "value": "9", "source": "Registro"}
    rich["indicators/i2"] = {**rich["indicators/i2"], "readings": [reading]}
    await asks(glass, "new_idea", idea="rich", fields=rich, sources=[source], table="3")
    await asks(glass, "move_idea", idea="rich", to="draft")
    await asks(glass, "move_idea", idea="rich", to="review")
    await asks(glass, "move_idea", idea="rich", to="draft")
    problem = {"it": "Molti giovani non studiano e cercano lavoro.", "en": "Many young people look for work."}
    await asks(glass, "edit_idea", idea="rich", base={"problem": 1}, set={"problem": problem})
    await asks(glass, "move_idea", idea="rich", to="review")
    for n in range(12):
        badge = (await glass.day.badge(GROUPS[n % 2]["id"], f"Persona {n}"))["badge"]
        conditions = [{"text": "Serve un referente", "degree": "must"}] if n == 3 else []
        level = "support_with_conditions" if n == 3 else "object" if n == 4 else "support"
        reason = {"reason": "Costa troppo"} if n == 4 else {}
        await asks(glass, "endorse", badge, idea="rich", version=2, level=level, conditions=conditions, **reason)
        if n < 3:
            side = "against" if n else "for"
            await asks(glass, "argue", badge, idea="rich", argument=f"a{n}", side=side, text=f"Un argomento {n}")
    draft = {
        "title": {"it": "Biblioteca aperta la sera"},
        "obstacles/o1": {"uid": "o1", "text": {"it": "Mancano custodi"}},
    }
    await asks(glass, "new_idea", idea="draft", fields=draft)
    for words in ("Museo chiuso al mattino", "Piscina gratis in estate"):
        await asks(glass, "edit_idea", idea="draft", base={"title": 1}, set={"title": {"it": words}})
    for uid in ("sent", "answered"):
        await asks(glass, "new_idea", idea=uid, fields=rich)
        await asks(glass, "move_idea", idea=uid, to="review")
        await asks(glass, "move_idea", idea=uid, to="published", override="Un solo gruppo era al tavolo.")
        await asks(glass, "move_idea", idea=uid, to="submitted", office="Direzione Lavoro", date="2026-11-20")
    said = {"decision": "accepted", "text": {"it": "Si comincia."}, "office": "Direzione Lavoro", "date": "2026-11-22"}
    said |= {"cost": "90000", "cost_report": {"it": "Bilancio 2027."}, "execution_period": "2027"}
    await asks(glass, "answer_idea", idea="answered", **said)


OPEN_ALL = "() => { for (const one of document.querySelectorAll('main details')) one.open = true }"


async def test_no_page_of_a_path_has_a_barrier(path: Glass) -> None:
    await whole(path)
    await a_market(path)
    compared = f"{DESK}?compare={path.code}:pacts&compare={path.code}:evaluation"
    found: list[str] = []
    for language in ("it", "en"):
        audits = []
        for where in (
            "/desk/paths",
            DESK,
            compared,
            *(f"{DESK}/ideas/{uid}" for uid in ("rich", "draft", "sent", "answered")),
        ):
            page = await path.desk(language, at=where)
            await page.wait_for_load_state("networkidle")
            await page.evaluate(OPEN_ALL)
            audits.append(audit(page, f"{where} {language}", WIDTHS))
        device = await path.device("phone", language)
        for where in ("/p/prova", "/p/prova/answered", "/p/prova/sent"):
            page = await path.page(device, where)
            await page.goto(where)
            audits.append(audit(page, f"{where} {language}", (320, 360, 1280)))
        found += await all_of(*audits)
    assert not found, "\n".join(dict.fromkeys(found))


async def test_controls_are_large_enough_for_a_finger_on_a_tablet(path: Glass) -> None:
    await whole(path)
    await a_market(path)
    found: list[str] = []
    for at in ("", "/ideas/rich", "/ideas/draft", "/ideas/sent"):
        page = await path.desk(at=f"{DESK}{at}")
        await page.evaluate(OPEN_ALL)
        found += await audit(page, at or "the path", (768,), ("light",), 24)
    assert not found, "\n".join(found)


async def test_a_field_is_written_by_keys_alone_and_the_focus_comes_back_to_it(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields={"title": {"it": "Biblioteca aperta la sera"}})
    for width in WIDTHS:
        desk = await path.desk(at=f"{DESK}/ideas/i1")
        await desk.set_viewport_size({"width": width, "height": 900})
        await tab_to(desk, "#at-problem-open > summary")
        await desk.keyboard.press("Enter")
        await tab_to(desk, "#at-problem-in-it")
        await desk.keyboard.press("Control+A")
        await desk.keyboard.type(f"Mancano spazi, visto a {width}.")
        await tab_to(desk, "#at-problem-form button.is-primary")
        await desk.keyboard.press("Enter")
        await expect(desk.locator("#at-problem .value")).to_have_text(f"Mancano spazi, visto a {width}.")
        assert fields_of(path, "i1")["problem"] == {"it": f"Mancano spazi, visto a {width}."}
        await expect(desk.locator("#at-problem-open > summary")).to_be_focused()
        await expect(desk.locator("#receipt")).to_have_text("Salvato.")
        await expect(desk.locator("#at-problem-open")).not_to_have_attribute("open", "")


async def test_a_row_keeps_what_its_form_does_not_show(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.full())
    reading = {"reading": "r1", "indicator": "i2", "date": "2026-06", "value": "9"}
    await asks(path, "add_reading", idea="i1", **reading)
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await desk.locator("#at-indicators-i2-open > summary").click()
    await desk.locator("#at-indicators-i2-data_owner").fill("Ufficio statistica")
    await desk.locator("#at-indicators-i2-target-value").fill("30,5")
    await desk.locator("#at-indicators-i2-form button.is-primary").click()
    await expect(desk.locator("#at-indicators-i2")).to_contain_text("Ufficio statistica")
    row = fields_of(path, "i1")["indicators/i2"]
    assert row["readings"] == [{"uid": "r1", "date": "2026-06", "value": "9"}]
    assert row["target"] == {"value": "30.5"} and row["name"] == sample.full()["indicators/i2"]["name"]


async def test_every_kind_of_field_arrives_as_it_was_written(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await desk.evaluate(OPEN_ALL)

    async def saves(place: str, seen: str) -> None:
        await desk.locator(f"#{place}-form button.is-primary").click()
        await expect(desk.locator("#receipt")).to_have_text("Salvato.")
        await expect(desk.locator("#main")).to_contain_text(seen)
        await desk.evaluate(OPEN_ALL)

    for code in ("housing", "food"):
        await desk.locator(f"#at-domain-in-{code}").check()
    await saves("at-domain", "cibo")
    await desk.locator("#at-cost_total-in-min").fill("1000")
    await desk.locator("#at-cost_total-in-max").fill("2000,50")
    await saves("at-cost_total", "2.000,50")
    await desk.locator("#at-target_group-estimated_number-in").fill("120")
    await saves("at-target_group-estimated_number", "120")
    await desk.locator("#at-area-priority_area-in").select_option("yes")
    await saves("at-area-priority_area", "sì")
    await desk.locator("#at-sdg-in-11").check()
    await saves("at-sdg", "11")
    await desk.locator("#at-tags-in").fill("casa\n\ngiovani")
    await saves("at-tags", "casa, giovani")
    await desk.locator("#at-area-geometry-in-latitude").fill("45,46")
    await desk.locator("#at-area-geometry-in-longitude").fill("9,19")
    await saves("at-area-geometry", "45,46 nord")
    await desk.locator("#at-obstacles-new-text-it").fill("Nessuno tiene le chiavi")
    await desk.locator("#at-obstacles-new-severity").select_option("4")
    await desk.locator("#at-obstacles-new-overcome-new0-text-it").fill("Un patto con i vicini")
    await desk.locator("#at-obstacles-new-overcome-new0-owner_actor").select_option("coop")
    await saves("at-obstacles-new", "Un patto con i vicini")
    fields = dict(fields_of(path, "i1"))
    assert sorted(fields["domain"]) == ["food", "housing", "work_training", "youth"]
    assert fields["cost_total"] == {"min": "1000", "max": "2000.50", "currency": "EUR"}
    assert fields["target_group.estimated_number"] == 120 and fields["area.priority_area"] is True
    assert fields["sdg"] == [11] and fields["tags"] == ["casa", "giovani"]
    assert fields["area.geometry"]["coordinates"] == [9.19, 45.46]
    made = next(row for at, row in fields.items() if at.startswith("obstacles/") and row.get("severity") == 4)
    assert made["overcome"][0]["owner_actor"] == "coop"
    await desk.locator(f"#at-obstacles-{made['uid']}-form [data-remove]").click()
    await expect(desk.locator(f"#at-obstacles-{made['uid']}-form [data-remove]")).to_have_text("Togliere davvero?")
    await desk.locator(f"#at-obstacles-{made['uid']}-form [data-remove]").click()
    await expect(desk.locator(f"#at-obstacles-{made['uid']}")).to_have_count(0)
    assert f"obstacles/{made['uid']}" not in fields_of(path, "i1")


async def test_a_text_that_is_emptied_is_gone(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await desk.locator("#at-problem-open > summary").click()
    for language in ("it", "en"):
        await desk.locator(f"#at-problem-in-{language}").fill("")
    await desk.locator("#at-problem-form button.is-primary").click()
    await expect(desk.locator("#at-problem")).to_contain_text("Descrivere il problema.")
    assert "problem" not in fields_of(path, "i1")


async def test_a_refused_publication_names_what_is_missing_and_leads_there(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    await asks(path, "move_idea", idea="i1", to="review")
    path.allows("409")
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await tab_to(desk, "#move-published button")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#receipt")).to_contain_text("Mancano ancora alcuni punti")
    await expect(desk.locator("#missing")).to_be_focused()
    await tab_to(desk, '#missing a[href="#at-financing"]')
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#at-financing")).to_be_focused()


async def test_an_idea_is_published_handed_over_and_answered_by_its_forms(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.full())
    await asks(path, "move_idea", idea="i1", to="review")
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await desk.locator("#move-published-override").fill("Al tavolo c'era un solo gruppo.")
    await desk.locator("#move-published button").click()
    await desk.locator("#move-submitted-office").fill("Direzione Lavoro")
    await desk.locator("#move-submitted button").click()
    await desk.locator("#answer-decision").select_option("under_evaluation")
    await desk.locator("#answer-text-it").fill("La stiamo guardando.")
    await desk.locator("#answer-form button").click()
    await expect(desk.locator("#answer .answer-of")).to_contain_text("La stiamo guardando.")
    await desk.locator("#answer-decision").select_option("accepted")
    await desk.locator("#answer-text-it").fill("Accolta.")
    path.allows("409")
    await desk.locator("#answer-form button").click()
    await expect(desk.locator("#answer-form [data-said]")).to_contain_text("Completare la risposta")
    await expect(desk.locator("#answer-text-it")).to_have_value("Accolta.")
    await desk.locator("#answer-cost").fill("90000,50")
    await desk.locator("#answer-report-it").fill("Bilancio 2027.")
    await desk.locator("#answer-period").fill("2027")
    await desk.locator("#answer-form button").click()
    await expect(desk.locator("#answer")).to_contain_text("90.000,50")
    await desk.locator("#move-implementing button").click()
    await expect(desk.locator("#move-closed")).to_be_visible()
    await desk.locator("#step-meet > summary").click()
    await desk.locator("#step-meet-status").select_option("done")
    await desk.locator("#step-meet-form button").click()
    await expect(desk.locator("#doing .steps-of").first).to_contain_text("fatto")
    await desk.locator("#reading-i2 > summary").click()
    await desk.locator("#reading-i2-value").fill("12,5")
    await desk.locator("#reading-i2-form button").click()
    await expect(desk.locator(".readings")).to_contain_text("12,5")
    assert fields_of(path, "i1")["next_steps/meet"]["status"] == "done"


async def test_what_is_typed_survives_a_reload_and_is_dropped_when_it_is_left(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await desk.locator("#at-problem-open > summary").click()
    await desk.locator("#at-problem-in-it").fill("Una bozza che non è ancora salvata")
    await desk.locator("#at-domain-open > summary").click()
    await desk.locator("#at-domain-in-housing").check()
    await desk.reload()
    await expect(desk.locator("#at-problem-in-it")).to_have_value("Una bozza che non è ancora salvata")
    await expect(desk.locator("#at-domain-in-housing")).to_be_checked()
    await expect(desk.locator("#at-problem-form [data-said]")).to_have_text("Non ancora salvato")
    await desk.locator("#at-problem-form [data-discard]").click()
    await desk.reload()
    await expect(desk.locator("#at-problem-open")).not_to_have_attribute("open", "")
    await expect(desk.locator("#at-domain-in-housing")).to_be_checked()


async def test_a_call_that_fails_keeps_the_text_and_counts_once_when_it_is_tried_again(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    path.allows("ERR_FAILED|Failed to load")
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    sent: list[dict[str, Any]] = []
    lose = True

    async def gate(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}"))
        if lose:
            # Kept by the server, and the answer is lost on the way.
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await desk.route("**/api/paths/prova/asks", gate)
    await desk.locator("#at-problem-open > summary").click()
    await desk.locator("#at-problem-in-it").fill("Mancano spazi la sera")
    await desk.locator("#at-problem-form button.is-primary").click()
    await expect(desk.locator("#at-problem-form [data-said]")).to_contain_text("Il testo resta qui")
    await expect(desk.locator("#at-problem-in-it")).to_have_value("Mancano spazi la sera")
    lose = False
    await desk.locator("#at-problem-form button.is-primary").click()
    await expect(desk.locator("#receipt")).to_have_text("Salvato.")
    assert len(sent) == 2 and sent[0] == sent[1], "the same ask, under the same id"
    idea = path.day.house.paths.live["prova"].line.folded.ideas.ideas["i1"]
    assert idea.versions["problem"] == 2 and not idea.variants

    lose = True
    await desk.locator("#at-problem-open > summary").click()
    await desk.locator("#at-problem-in-it").fill("Mancano spazi al mattino")
    await desk.locator("#at-problem-form button.is-primary").click()
    await expect(desk.locator("#at-problem-form [data-said]")).to_contain_text("Il testo resta qui")
    lose = False
    await desk.locator("#at-problem-in-it").fill("Servono sale per tutti")
    await desk.locator("#at-problem-form button.is-primary").click()
    await expect(desk.locator("#at-problem .value")).to_have_text("Servono sale per tutti")
    assert not path.day.house.paths.live["prova"].line.folded.ideas.ideas["i1"].variants, "no second wording of my own"


async def test_a_page_shows_by_itself_what_another_desk_did_unless_somebody_writes_on_it(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    reader = await path.desk(at=f"{DESK}/ideas/i1")
    writer = await path.desk(at=f"{DESK}/ideas/i1")
    for page in (reader, writer):
        await expect(page.locator("body")).to_have_attribute("data-line", "live")
    await writer.locator("#at-problem-open > summary").click()
    await writer.locator("#at-problem-in-it").fill("Una frase a metà")
    await asks(path, "edit_idea", idea="i1", base={"proposal": 1}, set={"proposal": {"it": "Una sala per piano."}})
    await expect(reader.locator("#at-proposal .value")).to_have_text("Una sala per piano.")
    await expect(writer.locator("#news")).to_be_visible()
    await expect(writer.locator("#at-proposal .value")).to_have_text("Uno sportello con tutor e tirocini pagati.")
    await writer.locator("#news-show").click()
    await expect(writer.locator("#at-proposal .value")).to_have_text("Una sala per piano.")
    await expect(writer.locator("#at-problem-in-it")).to_have_value("Una frase a metà")
    await expect(writer.locator("#news")).to_be_hidden()


async def test_two_desks_that_write_the_same_field_at_once_lose_nothing(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    ada, bruno = await asyncio.gather(*(path.desk(at=f"{DESK}/ideas/i1") for _ in range(2)))
    for page, words in ((ada, "Tutto un altro problema"), (bruno, "Qualcosa di completamente diverso")):
        await page.locator("#at-problem-open > summary").click()
        await page.locator("#at-problem-in-it").fill(words)
    for page in (ada, bruno):
        await page.locator("#at-problem-form button.is-primary").click()
        await expect(page.locator("#receipt")).not_to_have_text("")
    await expect(bruno.locator("#at-problem .wordings")).to_contain_text("Qualcosa di completamente diverso")
    await expect(bruno.locator("#receipt")).to_contain_text("i due testi sono conservati")
    await bruno.locator("#at-problem .wordings button").nth(1).click()
    await expect(bruno.locator("#at-problem .leaf-what > .value")).to_have_text("Qualcosa di completamente diverso")
    await expect(ada.locator("#at-problem .leaf-what > .value")).to_have_text("Qualcosa di completamente diverso")
    assert fields_of(path, "i1")["problem"]["it"] == "Qualcosa di completamente diverso"


async def test_the_line_of_a_page_comes_back_by_itself(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    await expect(desk.locator("body")).to_have_attribute("data-line", "live")
    for connection in list(path.day.house.paths.live["prova"].screens.connections):
        connection.end(1012)
    await asks(path, "edit_idea", idea="i1", base={"proposal": 1}, set={"proposal": {"it": "Una sala per piano."}})
    await expect(desk.locator("#at-proposal .value")).to_have_text("Una sala per piano.")


async def test_the_list_moves_on_by_itself_too(path: Glass) -> None:
    desk = await path.desk(at=DESK)
    await expect(desk.locator("body")).to_have_attribute("data-line", "live")
    await asks(path, "new_idea", idea="i1", fields=sample.card())
    await expect(desk.locator(".idea-row")).to_contain_text("Sportello di quartiere per il primo lavoro")


async def test_the_slider_tells_what_is_paid_for_another_result(path: Glass) -> None:
    await asks(path, "new_idea", idea="i1", fields=sample.full())
    desk = await path.desk(at=f"{DESK}/ideas/i1")
    slider = desk.locator("#slider-p1")
    await slider.focus()
    await desk.keyboard.press("Home")
    await expect(desk.locator("#payment-p1 output")).to_contain_text("Risultato 0: 0")
    await expect(slider).to_have_attribute(
        "aria-valuetext", desk_text := await desk.locator("#payment-p1 output").inner_text()
    )
    assert "€" in desk_text


# -- activities between organisations, and practices --------------------------------------------------------------------


async def test_an_activity_is_followed_up_by_keys_alone_and_the_focus_comes_back_to_it(path: Glass) -> None:
    await a_market(path)
    for width in WIDTHS:
        desk = await path.desk(at=DESK)
        await desk.set_viewport_size({"width": width, "height": 900})
        await tab_to(desk, "#peer-p2-open > summary")
        await desk.keyboard.press("Enter")
        await tab_to(desk, "#peer-p2-topic")
        await desk.keyboard.press("Control+A")
        await desk.keyboard.type(f"Imprese sociali, a {width}")
        await tab_to(desk, "#peer-p2-owner-1")
        await desk.keyboard.press("Control+A")
        await desk.keyboard.type(f"Ufficio {width}")
        await tab_to(desk, "#peer-p2-form button.is-primary")
        await desk.keyboard.press("Enter")
        await expect(desk.locator("#peer-p2")).to_contain_text(f"Glasgow: Ufficio {width}")
        await expect(desk.locator("#peer-p2-open > summary")).to_be_focused()
        await expect(desk.locator("#receipt")).to_have_text("Salvato.")
        await expect(desk.locator("#peer-p2-open")).not_to_have_attribute("open", "")
        one = followed(path, "p2")
        assert (one.topic, one.parties[0].owner) == (f"Imprese sociali, a {width}", f"Ufficio {width}")
    assert (one.status, one.date, one.first_step) == ("proposed", None, None), "what was not touched is not sent"


async def test_every_field_of_an_activity_arrives_and_an_emptied_one_is_gone(path: Glass) -> None:
    await a_market(path)
    desk = await path.desk(at=DESK)
    await desk.locator("#peer-p1-open > summary").click()
    await desk.locator("#peer-p1-status").select_option("done")
    await desk.locator("#peer-p1-date").fill("2027-04-01")
    await desk.locator("#peer-p1-topic").fill("")
    await desk.locator("#peer-p1-format").select_option("joint_pilot")
    await desk.locator("#peer-p1-owner-1").fill("")
    await desk.locator("#peer-p1-owner-2").fill("Ufficio beni comuni")
    await desk.locator("#peer-p1-first_step").fill("Una telefonata")
    await desk.locator("#peer-p1-result").fill("Tre patti misurati")
    await desk.locator("#peer-p1-follow_up").fill("2027-10-01")
    await desk.locator("#peer-p1-form button.is-primary").click()
    await expect(desk.locator("#peer-p1")).to_contain_text("Tre patti misurati")
    one = followed(path, "p1")
    assert (one.status, one.date, one.topic, one.format) == ("done", "2027-04-01", None, "joint_pilot")
    assert [party.owner for party in one.parties] == [None, "Ufficio beni comuni"]
    assert (one.first_step, one.result, one.follow_up) == ("Una telefonata", "Tre patti misurati", "2027-10-01")


async def test_what_is_typed_of_an_activity_survives_a_reload_and_another_desk(path: Glass) -> None:
    await a_market(path)
    desk = await path.desk(at=DESK)
    await expect(desk.locator("body")).to_have_attribute("data-line", "live")
    await desk.locator("#peer-p1-open > summary").click()
    await desk.locator("#peer-p1-topic").fill("Una bozza")
    await desk.reload()
    await expect(desk.locator("#peer-p1-topic")).to_have_value("Una bozza")
    await expect(desk.locator("#peer-p1-form [data-said]")).to_have_text("Non ancora salvato")
    await asks(path, "follow_peer", peer="p1", set={"topic": "Scritto altrove", "result": "Anche questo"})
    await expect(desk.locator("#news")).to_be_visible()
    await desk.locator("#news-show").click()
    await expect(desk.locator("#peer-p1")).to_contain_text("Scritto altrove")
    await expect(desk.locator("#peer-p1-topic")).to_have_value("Una bozza")
    await expect(desk.locator("#peer-p1-result")).to_have_value("Anche questo")
    path.allows("409")
    await desk.locator("#peer-p1-form button.is-primary").click()
    await expect(desk.locator("#peer-p1-form [data-said]")).to_contain_text("ha scritto: «Scritto altrove»")
    await expect(desk.locator("#peer-p1-topic")).to_be_focused()
    assert followed(path, "p1").topic == "Scritto altrove", "nothing is overwritten unseen"
    await desk.locator("#peer-p1-form button.is-primary").click()
    await expect(desk.locator("#receipt")).to_have_text("Salvato.")
    assert (followed(path, "p1").topic, followed(path, "p1").result) == ("Una bozza", "Anche questo")


async def test_a_lost_answer_of_an_activity_counts_once_and_the_next_words_go_over_it(path: Glass) -> None:
    await a_market(path)
    path.allows("ERR_FAILED|Failed to load")
    desk = await path.desk(at=DESK)
    lose = True

    async def gate(route: Route) -> None:
        if lose:
            # Kept by the server, and the answer is lost on the way.
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await desk.route("**/api/paths/prova/asks", gate)
    await desk.locator("#peer-p1-open > summary").click()
    await desk.locator("#peer-p1-topic").fill("Primo testo")
    await desk.locator("#peer-p1-form button.is-primary").click()
    await expect(desk.locator("#peer-p1-form [data-said]")).to_contain_text("Il testo resta qui")
    assert followed(path, "p1").topic == "Primo testo"
    lose = False
    await desk.locator("#peer-p1-topic").fill("Secondo testo")
    await desk.locator("#peer-p1-form button.is-primary").click()
    await expect(desk.locator("#receipt")).to_have_text("Salvato.")
    assert (followed(path, "p1").topic, followed(path, "p1").versions["topic"]) == ("Secondo testo", 4)


async def test_practices_are_chosen_by_keys_and_stand_side_by_side(path: Glass) -> None:
    await a_market(path)
    desk = await path.desk(at=DESK)
    for id in ("pacts", "evaluation"):
        await tab_to(desk, f"#practice-{path.code}-{id}-chosen")
        await desk.keyboard.press("Space")
    await tab_to(desk, "#compare-form button")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#compared")).to_be_focused()
    await expect(desk.locator(".practice-table thead th")).to_have_text(
        ["Patti di collaborazione", "Valutare per decidere"]
    )
    await desk.locator("#tag").select_option("offers:beni comuni")
    await desk.locator(".practice-filter button").click()
    await expect(desk.locator(".practice-name")).to_have_text(["Patti di collaborazione"])
    await expect(desk.locator(".practice-table thead th")).to_have_count(2)


async def scripts_off(glass: Glass, where: str) -> Page:
    device = await glass.device("phone", "it", java_script_enabled=False)
    page = await glass.page(device, "no script")
    await page.goto(where)
    return page


async def test_everybody_reads_the_public_page_without_scripts_and_prints_it(path: Glass) -> None:
    await whole(path)
    page = await scripts_off(path, "/p/prova")
    await page.locator("h2 a").first.click()
    await expect(page.locator("h1")).to_have_text("Sportello di quartiere per il primo lavoro")
    await page.emulate_media(media="print")
    await expect(page.locator(".languages")).to_be_hidden()
    await expect(page.locator(".public-foot")).to_contain_text("CC BY 4.0")
