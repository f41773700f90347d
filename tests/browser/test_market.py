"""A marketplace as people use it: wishes on phones, a plan on the desk, rounds on their feet, a panel; and a bad net.

OFFICINA_SHOTS names a folder that keeps a picture of every state, to be looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.browser.access import tab_to
from tests.browser.glass import DOUBLE_TAP, Glass, agree, box, live, press
from tests.browser.net import Net, net
from tests.browser.test_boards import SMALL, Heard, desk_at, phone, says, wall_at
from tests.browser.test_the_net import BROKEN
from tests.people import plan, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = Path(__file__).resolve().parents[2] / "content" / "practices"
EIGHT: dict[str, Any] = json.loads((CONTENT / "urbinclusion.json").read_text("utf-8"))
STALLS = [one["practice"] for one in EIGHT["practices"]]
TITLES = {language: [one["title"][language] for one in EIGHT["practices"]] for language in ("it", "en")}
GROUPS = ("civil_servants", "social_innovators")
CANARY = "canarino-di-carta-4711"


# -- the room -----------------------------------------------------------------------------------------------------


@dataclass
class Room:
    """Who is here without a screen: {name: badge}, and their ids."""

    badges: dict[str, str] = field(default_factory=dict)
    persons: dict[str, str] = field(default_factory=dict)


def market(**setup: Any) -> dict[str, Any]:
    title = {"it": "Mercato delle pratiche", "en": "Market of practices"}
    having = {"practices": EIGHT, "rounds": 3, "minutes": 12, "walk": 60, "capacity": 3, **setup}
    return {"id": "m", "activity": "marketplace", "title": title, "minutes": 60, "setup": having}


async def opens(glass: Glass, **setup: Any) -> None:
    await glass.day.begins(plan(market(**setup), talk()))
    await says(glass, "open_stage", None, stage="m")


async def comes(glass: Glass, room: Room, name: str, group: str, organisation: str = "") -> str:
    made = await glass.day.badge(group, name)
    room.badges[name], room.persons[name] = made["badge"], made["person"]
    await says(glass, "say_organisation", "m", made["badge"], organisation=organisation)
    return made["badge"]


async def crowd(glass: Glass, people: int, of: int = 5) -> Room:
    """People without a screen, of some organisations, each with three wishes; nobody wishes what another does."""
    room = Room()
    for n in range(people):
        badge = await comes(glass, room, f"Persona {n:02d}", GROUPS[n % 2], f"Ente {n % of}")
        for step, level in ((0, 3), (3, 2), (5, 1)):
            await says(glass, "wish", "m", badge, stall=STALLS[(n + step) % len(STALLS)], level=level)
    return room


async def view(glass: Glass, screen: str = "desk") -> dict[str, Any]:
    answer = await glass.day.api("GET", f"/api/sessions/{glass.code}/view?screen={screen}")
    found: dict[str, Any] = answer.json()["stage"]["view"]
    return found


async def planned(glass: Glass, **having: Any) -> None:
    await says(glass, "ask_for_plan", "m", **having)
    async with asyncio.timeout(8):
        while (await view(glass))["asked"]:
            await asyncio.sleep(0.05)


async def published(glass: Glass, **having: Any) -> None:
    await planned(glass, **having)
    await says(glass, "publish_plan", "m", plan=(await view(glass))["offered"]["number"])


async def drawn(glass: Glass, *pages: Page) -> None:
    await glass.drawn((await glass.day.facts())[-1]["number"], list(pages))


async def person_of(page: Page) -> str:
    return str(await page.locator("body").get_attribute("data-person"))


async def stall_of(glass: Glass, page: Page, round: int) -> tuple[str, bool]:
    """Where the published plan has this phone's person in a round, and whether as a host; asked of the desk's view."""
    told, person = (await view(glass))["plan"], await person_of(page)
    duty = (told["hosting"].get(person) or [None] * 12)[round - 1]
    return duty or told["assignment"][person][round - 1], bool(duty)


async def number_of(glass: Glass, stall: str) -> int:
    return int(next(one["n"] for one in (await view(glass))["stalls"] if one["id"] == stall))


async def shot(page: Page, name: str, whole: bool = True) -> None:
    if "OFFICINA_SHOTS" in os.environ:
        folder = Path(os.environ["OFFICINA_SHOTS"])
        folder.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=folder / f"{name}.png", full_page=whole)


# -- what hands do ------------------------------------------------------------------------------------------------


def level(page: Page, stall: str, stars: int) -> Locator:
    return page.locator(f"label:has(#wish-{stall}-{stars})")


async def is_kept(page: Page, form: str) -> None:
    await expect(page.locator(form)).to_have_attribute("data-state", "kept")
    await live(page)


async def hits(desk: Page, key: str) -> None:
    """A key of the desk, pressed where no field has the focus."""
    await desk.evaluate("document.activeElement?.blur()")
    await asyncio.sleep(DOUBLE_TAP)
    await desk.keyboard.press(key)


async def shows_way(glass: Glass, page: Page, round: int) -> str:
    """The phone's large number and title are those of the plan; gives the stall."""
    hero = page.locator(".mk-hero-stall")
    await expect(hero).to_be_visible()
    stall, _ = await stall_of(glass, page, round)
    await expect(hero.locator("strong")).to_have_text(str(await number_of(glass, stall)))
    language = str(await page.locator("html").get_attribute("lang"))
    if stall in STALLS:
        await expect(hero.locator("h2")).to_have_text(TITLES[language][STALLS.index(stall)])
    return stall


# -- the story ----------------------------------------------------------------------------------------------------


async def test_a_room_wishes_walks_three_rounds_and_agrees_on_an_activity_together(glass: Glass) -> None:
    heard = {name: Heard() for name in ("bruno", "desk", "wall")}
    await opens(glass)
    room = await crowd(glass, 10)
    desk, wall = await desk_at(glass, heard=heard["desk"]), await wall_at(glass, heard=heard["wall"])
    ada = await phone(glass)
    bruno = await phone(glass, "Bruno", "social_innovators", "en", heard=heard["bruno"])

    # who they are: one tap for a known organisation, a few letters for another one
    ask = ada.locator("#market-organisation")
    await expect(ask).to_be_visible()
    await ask.get_by_role("button", name="Copenhagen").tap()
    await expect(ask).not_to_be_visible()
    await expect(ada.locator(".mk-own")).to_contain_text("Copenhagen")
    await bruno.locator("#organisation-name").fill("Cooperativa Aurora")
    await bruno.keyboard.press("Enter")
    await expect(bruno.locator(".mk-own")).to_contain_text("Cooperativa Aurora")

    # a practice from a phone is a stall on every screen, and who brought it presents it
    await bruno.locator("[data-market-bring]").tap()
    card = bruno.locator("#market-bring")
    await card.locator("button.is-primary").tap()
    await expect(card.locator("#practice-title-error")).to_be_visible()
    await expect(card.locator("#practice-title")).to_be_focused()
    await card.locator("#practice-title").fill("A workshop for repairs")
    await card.locator("#practice-done").fill("Volunteers repair what neighbours bring.")
    await card.locator("#practice-more > summary").tap()
    await card.locator("#practice-offers").fill("repairs\nvolunteers")
    await card.locator("button.is-primary").tap()
    await expect(card).not_to_be_visible()
    for page, place in ((ada, ".mk-stall h2"), (desk, ".mk-stalls-table b"), (wall, ".mk-wall-title")):
        await expect(page.locator(place).filter(has_text="A workshop for repairs")).to_be_visible()
    await expect(bruno.locator(".mk-presents")).to_contain_text("You present stall 9")
    brought = (await glass.facts("practice_added"))[0]["body"]["stall"]
    # two more share the work, so that nobody has to stay at one stall for three rounds
    await says(glass, "present", "m", room.badges["Persona 00"], stall="copenhagen", on=True)
    await says(glass, "present", "m", room.badges["Persona 01"], stall=brought, on=True)
    await ada.locator("#more-copenhagen > summary").tap()
    await ada.locator("label:has(#present-copenhagen-on)").tap()
    await is_kept(ada, "#present-copenhagen")

    # wishes: in the list, and one card after the other with the keys
    for stall, stars in (("lyon", 3), ("glasgow", 2), ("trikala", 0)):
        await level(ada, stall, stars).tap()
        await is_kept(ada, f"#wish-{stall}")
        await expect(ada.locator(f"#wish-{stall}-{stars}")).to_be_checked()
    await expect(ada.locator(".mk-count")).to_contain_text("3 valutati su 9")
    await bruno.locator("[data-market-mode=cards]").tap()
    at = bruno.locator("[data-market-at]")
    await expect(at).to_have_text("1 of 9")
    await bruno.keyboard.press("3")
    await expect(at).to_have_text("2 of 9")
    await bruno.keyboard.press("ArrowRight")
    await expect(at).to_have_text("3 of 9")
    await bruno.keyboard.press("ArrowLeft")
    await expect(at).to_have_text("2 of 9")
    await bruno.keyboard.press("2")
    await expect(at).to_have_text("3 of 9")
    for stall, stars in zip(STALLS, (3, 2), strict=False):
        await expect(bruno.locator(f"#wish-{stall}-{stars}")).to_be_checked()
    await expect(bruno.locator(".mk-count")).to_contain_text("2 rated of 9")
    await expect(wall.locator(".mk-wall-foot .number strong")).to_have_text("12")
    await shot(bruno, "phone-cards-en", whole=False)
    await shot(ada, "phone-before-it")

    # a veto is on no other screen: nothing there changes
    await drawn(glass, bruno, desk, wall)
    others = {"bruno": bruno, "desk": desk, "wall": wall}
    stood = {name: await page.locator("#now").inner_html() for name, page in others.items()}
    began = {name: len(one.down) for name, one in heard.items()}
    await ada.locator("#more-lyon > summary").tap()
    await ada.locator("#more-naples > summary").tap()
    await ada.locator("label:has(#avoid-naples-on)").tap()
    await is_kept(ada, "#avoid-naples")
    assert [fact["body"]["stall"] for fact in await glass.facts("avoided")] == ["naples"]
    await drawn(glass, ada, bruno, desk, wall)
    for name, page in others.items():
        assert await page.locator("#now").inner_html() == stood[name], f"{name} shows a veto"
        assert not any("naples" in text for text in heard[name].down[began[name] :]), f"{name} was told of a veto"

    # the plan, with one key; then published with it
    await shot(desk, "desk-before")
    await shot(wall, "wall-before", whole=False)
    await hits(desk, "r")
    await expect(desk.locator("#market-plan")).to_be_visible()
    await expect(desk.locator("#market-quality .number strong")).to_have_text(re.compile(r"^(100|9\d(,\d)?)%$"))
    assert await ada.locator(".mk-hero").count() == 0, "a plan on the desk is on no phone"
    await shot(desk, "desk-offered")
    await hits(desk, "r")
    for page in (ada, bruno):
        await shows_way(glass, page, 1)
    assert await stall_of(glass, bruno, 1) == (brought, True)
    await expect(ada.locator(".mk-why li").first).to_be_visible()
    await expect(bruno.locator(".mk-hero-line")).to_contain_text("you will present stall")
    assert "naples" not in (await view(glass))["plan"]["assignment"][await person_of(ada)]
    await expect(wall.locator(".mk-wall-head h1")).to_have_text("Si comincia dal giro 1")
    await shot(ada, "phone-published-it")
    await shot(bruno, "phone-published-en")

    # round 1: Ada marks that she is there, Bruno scans another stall's sign: where he is counts
    await hits(desk, "r")
    await expect(desk.locator(".mk-steps [aria-current]")).to_contain_text("Giri")
    await hits(desk, "r")
    await expect(ada.locator(".mk-left time-left")).to_have_text(re.compile(r"^1[12]:\d\d$"))
    stall = await shows_way(glass, ada, 1)
    await ada.locator("[data-do=check_in].is-wide").tap()
    await expect(ada.locator(".strip.is-ok")).to_contain_text(f"banco {await number_of(glass, stall)}")
    await expect(desk.locator(".mk-seen-line b")).to_contain_text("1 ")
    await bruno.goto("about:blank")
    await bruno.goto(f"/s/{glass.code}#stall-glasgow")
    await live(bruno)
    await expect(bruno.locator(".strip.is-calm")).to_contain_text("You are at stall")
    assert "#" not in bruno.url, "an address that says where somebody stands is used once"
    checked = [(fact["body"]["stall"]) for fact in await glass.facts("checked_in")]
    assert checked == [stall, "glasgow"]

    # a note at the stall
    await ada.locator("#market-say > summary").tap()
    await ada.locator("#market-note-kind").select_option("learned")
    await ada.locator("#market-note-text").fill("Si parte da chi userà i risultati")
    await ada.locator("#market-note button").tap()
    await expect(ada.locator("#market-note-text")).to_have_value("")
    await expect(ada.locator("#market-notes")).to_be_visible()
    await desk.locator("#desk-notes > summary").click()
    await expect(desk.locator("#desk-notes")).to_contain_text("Si parte da chi userà i risultati")
    await shot(ada, "phone-running-it")
    await shot(bruno, "phone-running-en")
    await shot(wall, "wall-running", whole=False)

    # somebody comes late: the desk makes the next rounds anew, sees by name who is touched, and publishes that
    carla = await phone(glass, "Carla", "civil_servants")
    await expect(carla.locator(".mk-hero")).to_contain_text("Arrivi a giri iniziati")
    await shot(carla, "phone-late-it")
    await press(desk, "#dock [data-do=ask_for_plan]")
    await desk.locator("#market-diff > summary").click()
    diff = desk.locator("#market-diff li")
    await expect(diff.filter(has_text="Carla").first).to_be_visible()
    told = (await view(glass))["offered"]["diff"]
    assert await diff.count() == len(told) and {one["round"] for one in told} <= {2, 3}
    await shot(desk, "desk-diff")
    await hits(desk, "r")
    await agree(desk)
    second, _ = await stall_of(glass, carla, 2)
    await expect(carla.locator(".mk-next-n")).to_have_text(str(await number_of(glass, second)))

    # on to the last round
    for round in (2, 3):
        await hits(desk, "r")
        await expect(wall.locator(".mk-wall-head h1")).to_have_text(f"Fine del giro {round - 1}: cambiate banco")
        await hits(desk, "r")
        await expect(wall.locator(".mk-wall-head h1")).to_have_text(f"Giro {round} di 3")
        for page in (ada, bruno, carla):
            await shows_way(glass, page, round)
    await expect(wall.locator(".mk-wall-foot")).to_contain_text("Ultimo giro")
    await hits(desk, "r")
    await expect(wall.locator("h1")).to_have_text("I giri sono finiti")
    rate = ada.locator("#rate-1")
    await rate.get_by_role("button", name="Utile").tap()
    await expect(rate.locator("[aria-pressed=true]")).to_have_text("Utile")
    assert [fact["body"]["how"] for fact in await glass.facts("visit_rated")] == ["useful"]
    await shot(ada, "phone-over-it")

    # the panel: wishes on the phones, pairs on the desk
    await hits(desk, "r")
    own, other = "copenhagen", "cooperativa aurora"
    await expect(ada.locator("#market-mine.is-panel")).to_be_visible()
    await ada.locator("#now [popovertarget=market-tags]").tap()
    await ada.locator("#tags-needs-typed").fill("repairs")
    await ada.locator("#market-tags-form button.is-primary").tap()
    await expect(ada.locator("#market-tags")).not_to_be_visible()
    for page, wanted in ((ada, other), (bruno, own)):
        id = wanted.replace(" ", "_")
        await expect(page.locator("[data-market-with]:visible").first).to_be_visible()
        await page.locator(f"label:has(#want-{id}-3)").tap()
        await is_kept(page, f"#want-{id}")
    await expect(ada.locator(f'[data-market-with="{own}"]')).not_to_be_visible()
    await shot(ada, "phone-panel-it")
    await hits(desk, "r")
    await expect(desk.locator(".mk-pairs li").filter(has_text="Cooperativa Aurora")).to_contain_text("Copenhagen")
    await shot(desk, "desk-pairs")
    await expect(ada.locator(".mk-own-pairs")).to_have_count(0)
    await hits(desk, "r")
    for page, name in ((ada, "Cooperativa Aurora"), (bruno, "Copenhagen")):
        await expect(page.locator(".mk-peer h2")).to_have_text(name)
        await page.locator(".mk-peer .mk-fold > summary").tap()
    await expect(ada.locator(".mk-peer")).to_contain_text("Vi siete scelti a vicenda. Copenhagen cerca e Cooperativa")

    # topic, form, day and owner are agreed on two phones
    await ada.locator(".mk-peer input[name=topic]").fill("Una ciclofficina per quartiere")
    await ada.locator(".mk-peer select[name=format]").select_option("study_visit")
    await ada.locator(".mk-peer input[name=date]").fill("2027-03-18")
    await ada.locator(".mk-peer input[name=owner]").fill("Ufficio Quartieri")
    await ada.locator(".mk-peer form button").tap()
    await expect(bruno.locator(".mk-peer .mk-facts")).to_contain_text("18/3/2027")
    await bruno.locator(".mk-peer input[name=owner]").fill("Bruno, repairs")
    await bruno.locator(".mk-peer form button").tap()
    await expect(ada.locator(".mk-peer .mk-facts")).to_contain_text("Bruno, repairs")
    for page in (bruno, ada):
        await press(page, page.locator(".mk-answer [data-do=answer_peer]").first)
        await expect(page.locator(".mk-answer [data-do=answer_peer]")).to_have_count(1)
    for page, words in ((ada, "con una data"), (bruno, "with a date")):
        await expect(page.locator(".mk-peer .mk-status")).to_have_text(words)
    await expect(wall.locator(".mk-matrix .mk-tie.is-agreed")).to_have_count(2)
    await expect(wall.locator(".mk-wall-agreed")).to_contain_text("Una ciclofficina per quartiere")
    await expect(desk.locator(".mk-peers")).to_contain_text("Visita di studio")
    await shot(ada, "phone-agreed-it")
    await shot(bruno, "phone-agreed-en")
    await shot(desk, "desk-agreed")
    await shot(wall, "wall-panel", whole=False)
    [peer] = (await view(glass))["panel"]["peers"]
    assert peer["owners"] == {own: "Ufficio Quartieri", other: "Bruno, repairs"} and peer["mutual"]
    assert (peer["format"], peer["date"], peer["status"]) == ("study_visit", "2027-03-18", "scheduled")


# -- the panel ---------------------------------------------------------------------------------------------------


async def at_panel(glass: Glass) -> tuple[Room, Page, Page]:
    """Ada of Copenhagen and Bruno of Lyon, before a panel in which two have already chosen each other."""
    await opens(glass)
    room = await crowd(glass, 4, of=2)
    await says(glass, "go_to", "m", phase="panel")
    ada, bruno = await phone(glass), await phone(glass, "Bruno", "social_innovators", "en")
    for page, name in ((ada, "Copenhagen"), (bruno, "Lyon")):
        await expect(page.locator(".mk-once-said")).not_to_be_visible()
        await page.locator("#market-organisation").get_by_role("button", name=name).tap()
        await expect(page.locator(".mk-once-said")).to_be_visible()
    for n in (0, 1):
        await says(
            glass, "want_peer", "m", room.badges[f"Persona 0{n}"], organisation=f"ente {1 - n}", strength=3, kind="both"
        )
    return room, ada, bruno


async def paired(glass: Glass) -> None:
    await says(glass, "ask_for_pairs", "m")
    async with asyncio.timeout(8):
        while "offered" not in (await view(glass))["panel"]:
            await asyncio.sleep(0.05)
    await says(glass, "publish_pairs", "m", pairs=(await view(glass))["panel"]["offered"]["number"])


async def both_want(ada: Page, bruno: Page) -> None:
    for page, other in ((ada, "lyon"), (bruno, "copenhagen")):
        await page.locator(f"label:has(#want-{other}-3)").tap()
        await is_kept(page, f"#want-{other}")


async def test_whoever_said_no_organisation_still_sees_the_stall_first_once_there_is_a_plan(glass: Glass) -> None:
    await opens(glass)
    await crowd(glass, 6)
    ada = await phone(glass)
    await expect(ada.locator("#market-organisation")).to_be_visible()
    await published(glass)
    await shows_way(glass, ada, 1)
    await expect(ada.locator("#market-organisation")).not_to_be_visible()
    hero = await box(ada.locator(".mk-hero"))
    assert hero["y"] + hero["height"] < SMALL[1] / 2, "the stall is what a glance finds"
    await ada.locator(".mk-actions [popovertarget=market-organisation]").tap()
    await ada.locator(".mk-none").tap()
    await expect(ada.locator("#market-organisation")).not_to_be_visible()
    await expect(ada.locator(".mk-actions [popovertarget=market-organisation]")).to_have_count(0)


async def test_cards_one_by_one_are_whole_and_are_turned_by_thumb_button_and_key(glass: Glass) -> None:
    await opens(glass)
    ada = await phone(glass)
    await ada.locator(".mk-none").tap()
    await ada.locator("[data-market-mode=cards]").tap()
    cards, at = ada.locator("#market-deck > li"), ada.locator("[data-market-at]")

    async def stands(place: int) -> None:
        await expect(at).to_have_text(f"{place + 1} di 8")
        for n in range(await cards.count()):
            there = await box(cards.nth(n))
            if n == place:
                assert there["x"] >= 0 and there["x"] + there["width"] <= SMALL[0], f"card {n + 1} is cut: {there}"
            else:
                assert there["x"] + there["width"] <= 0 or there["x"] >= SMALL[0], f"card {n + 1} looks in: {there}"

    await stands(0)
    await press(ada, "[data-market-step='1']")
    await stands(1)
    await press(ada, "[data-market-step='-1']")
    await stands(0)
    await expect(ada.locator("[data-market-step='-1']")).to_have_attribute("aria-disabled", "true")
    for place in range(1, 8):
        await ada.keyboard.press("ArrowRight")
        await stands(place)
    await ada.keyboard.press("ArrowRight")
    await stands(7)
    await ada.keyboard.press("ArrowLeft")
    await stands(6)
    # a star goes on to the next card by itself; a card that was left meanwhile is not turned once more
    await level(ada, STALLS[6], 2).tap()
    await expect(at).to_have_text("8 di 8")
    await stands(7)
    await is_kept(ada, f"#wish-{STALLS[6]}")
    await ada.reload()
    await live(ada)
    await expect(ada.locator("[data-market-mode=cards]")).to_have_attribute("aria-pressed", "true")
    await stands(0)
    await ada.locator("[data-market-mode=list]").tap()
    await expect(cards.last).to_be_visible()
    await expect(ada.locator(f"#wish-{STALLS[6]}-2")).to_be_checked()


# -- the desk -----------------------------------------------------------------------------------------------------


async def capacity(glass: Glass, stall: str) -> int:
    return int(next(one["capacity"] for one in (await view(glass))["stalls"] if one["id"] == stall))


async def test_the_desk_is_led_by_the_keyboard_alone_and_keeps_its_focus_while_the_room_goes_on(glass: Glass) -> None:
    await opens(glass)
    room = await crowd(glass, 8)
    desk = await desk_at(glass)

    async def others_go_on(number: int) -> None:
        """Somebody wishes meanwhile, and the desk is drawn anew."""
        await says(glass, "wish", "m", room.badges["Persona 07"], stall=STALLS[number], level=1)
        await drawn(glass, desk)

    # a seat more and two less; the button pressed stays in the hand
    stepper = "#desk-stall-lyon .mk-stepper"
    await tab_to(desk, f"{stepper} button:last-child")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(f"{stepper} b")).to_have_text("4")
    await others_go_on(0)
    await expect(desk.locator(f"{stepper} button:last-child")).to_be_focused()
    await tab_to(desk, f"{stepper} button:first-child", backwards=True)
    for seats in ("3", "2"):
        await asyncio.sleep(DOUBLE_TAP)
        await desk.keyboard.press("Space")
        await expect(desk.locator(f"{stepper} b")).to_have_text(seats)
    await expect(desk.locator(f"{stepper} button:first-child")).to_be_focused()
    assert await capacity(glass, "lyon") == 2

    # the form of a stall
    await tab_to(desk, "#desk-stall-krakow [popovertarget=desk-set]")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#set-title")).to_have_value(TITLES["it"][STALLS.index("krakow")])
    await tab_to(desk, "#set-table")
    await desk.keyboard.type("4 b")
    await others_go_on(1)
    await expect(desk.locator("#set-table")).to_be_focused()
    await expect(desk.locator("#set-table")).to_have_value("4 b")
    await tab_to(desk, "#set-open-1")
    await desk.keyboard.press("Space")
    await tab_to(desk, "#set-host")
    await desk.keyboard.type("Persona 03")
    await tab_to(desk, "#desk-set-form button.is-primary")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#desk-set")).not_to_be_visible()
    await expect(desk.locator("#desk-stall-krakow [popovertarget=desk-set]")).to_be_focused()
    row = desk.locator("#desk-stall-krakow")
    for words in ("tavolo 4 b", "2, 3", "Persona 03"):
        await expect(row).to_contain_text(words)

    # what the plan weighs
    await tab_to(desk, "#desk-weights > summary")
    await desk.keyboard.press("Enter")
    await tab_to(desk, "#weight-mixing")
    before = int(await desk.locator("#weight-mixing").input_value())
    await desk.keyboard.press("ArrowRight")
    await expect(desk.locator("output[for=weight-mixing]")).to_have_text(str(before + 1))
    async with asyncio.timeout(8):
        while not await glass.facts("weights_set"):
            await asyncio.sleep(0.05)
    await others_go_on(2)
    await expect(desk.locator("#weight-mixing")).to_be_focused()
    await expect(desk.locator("#weight-mixing")).to_have_value(str(before + 1))

    # a plan, then somebody pinned by the form, which says what it costs the room
    await hits(desk, "r")
    await expect(desk.locator("#market-plan")).to_be_visible()
    await tab_to(desk, "#pin-person")
    await desk.keyboard.type("Persona 05")
    await tab_to(desk, "#pin-stall")
    await desk.keyboard.type("8")
    await tab_to(desk, "#pin-round")
    await desk.keyboard.type("2")
    await expect(desk.locator("#market-swaps")).to_contain_text("banco", timeout=15_000)
    await others_go_on(3)
    await expect(desk.locator("#pin-round")).to_be_focused()
    await expect(desk.locator("#pin-round")).to_have_value("2")
    await expect(desk.locator("#pin-person")).to_have_value(room.persons["Persona 05"])
    await expect(desk.locator("#market-swaps")).to_contain_text("banco")
    await tab_to(desk, "#market-pin .button")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".mk-pins li")).to_contain_text("Persona 05: Giro 2, 8")
    [pinned] = (await view(glass))["pins"]
    assert (pinned["person"], pinned["stall"], pinned["round"]) == (room.persons["Persona 05"], "barcelona", 2)
    await planned(glass)
    route = (await view(glass))["offered"]["assignment"][room.persons["Persona 05"]]
    assert route[1] == "barcelona"
    await tab_to(desk, ".mk-pins .link")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".mk-pins")).to_have_count(0)


async def test_a_name_dragged_to_another_cell_is_pinned_there(glass: Glass) -> None:
    await opens(glass)
    room = await crowd(glass, 8)
    desk = await desk_at(glass)
    await planned(glass)
    await desk.locator("#market-names").check()
    person = room.persons["Persona 02"]
    route = (await view(glass))["offered"]["assignment"][person]
    target = next(stall for stall in STALLS if stall not in route)
    name = desk.locator(f'[data-round="1"] [data-market-person="{person}"]')
    await expect(name).to_be_visible()
    cell = desk.locator(f'[data-market-cell="{target}"][data-round="1"]')

    async def drags(ends: str) -> None:
        # both must be on the screen: a drag does not scroll
        await cell.scroll_into_view_if_needed()
        await name.scroll_into_view_if_needed()
        there = await box(name)
        await desk.mouse.move(there["x"] + 8, there["y"] + 8)
        await desk.mouse.down()
        there = await box(cell)
        await desk.mouse.move(there["x"] + 20, there["y"] + there["height"] / 2, steps=6)
        await expect(desk.locator(".mk-ghost")).to_have_text("Persona 02")
        await expect(cell).to_have_class(re.compile("is-target"))
        if ends == "escape":
            await desk.keyboard.press("Escape")
            await expect(desk.locator(".mk-ghost")).to_have_count(0)
        await desk.mouse.up()

    await desk.set_viewport_size({"width": 1280, "height": 1400})
    await drags("escape")
    assert not await glass.facts("pinned")
    await drags("drop")
    await expect(desk.locator(".mk-pins li")).to_contain_text("Persona 02")
    [pinned] = (await view(glass))["pins"]
    assert (pinned["person"], pinned["stall"], pinned["round"]) == (person, target, 1)
    await expect(desk.locator("#market-names")).to_be_checked()


async def test_where_everybody_goes_where_there_is_room_a_full_stall_names_another(glass: Glass) -> None:
    await opens(glass, capacity=1)
    room = await crowd(glass, 4)
    desk, ada = await desk_at(glass), await phone(glass)
    await says(glass, "go_to", "m", phase="rounds")
    await says(glass, "circulate", "m", on=True)
    await ada.locator("#at-lyon [data-do=check_in]").tap()
    await expect(ada.locator(".mk-hero-here")).to_contain_text("banco 2")
    await says(glass, "check_in", "m", room.badges["Persona 00"], stall="glasgow")
    await expect(ada.locator("#at-glasgow [data-do=check_in]")).to_have_attribute("aria-disabled", "true")
    await expect(ada.locator("#at-glasgow")).to_contain_text("al completo")
    # the QR of a full stall still says where there is room
    await ada.evaluate("location.hash = '#stall-glasgow'")
    await expect(ada.locator("#receipt")).to_have_attribute("data-state", "refused")
    await expect(ada.locator(".mk-hero-here")).to_contain_text("banco 2")
    await ada.locator(".mk-leave .link").tap()
    await agree(ada)
    await expect(ada.locator(".mk-hero")).to_contain_text("Per ora non ci sei")
    await expect(desk.locator("#desk-people > summary")).to_contain_text("1")
    await press(ada, ".mk-hero [data-do=be_away]")
    await expect(ada.locator(".mk-places")).to_be_visible()


async def test_two_sides_that_write_the_same_field_are_shown_what_the_other_one_wrote(glass: Glass) -> None:
    _, ada, bruno = await at_panel(glass)
    await both_want(ada, bruno)
    await paired(glass)
    for page in (ada, bruno):
        await page.locator(".mk-peer .mk-fold > summary").tap()
    topic = ".mk-peer input[name=topic]"
    await bruno.locator(topic).fill("Neighbourhood houses")
    await ada.locator(topic).fill("Valutare insieme")
    await ada.locator(".mk-peer form button").tap()
    await expect(bruno.locator(".mk-peer h2")).to_contain_text("Valutare insieme")
    await expect(bruno.locator(topic)).to_have_value("Neighbourhood houses")
    await bruno.locator(".mk-peer form button").tap()
    await expect(bruno.locator("[data-market-current=topic]")).to_contain_text("Valutare insieme")
    await expect(bruno.locator(topic)).to_be_focused()
    await press(bruno, ".mk-peer form button")
    await expect(ada.locator(".mk-peer h2")).to_contain_text("Neighbourhood houses")


# -- a bad net ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def between(glass: Glass) -> AsyncIterator[Net]:
    async with net(int(glass.day.url.rsplit(":", 1)[1])) as made:
        glass.address = made.url
        glass.allows(BROKEN)
        yield made


async def test_a_phone_without_a_net_keeps_its_wishes_and_sends_them_when_it_is_back(
    glass: Glass, between: Net
) -> None:
    await opens(glass)
    ada = await phone(glass)
    await ada.locator(".mk-none").tap()
    await expect(ada.locator("#market-organisation")).not_to_be_visible()
    await live(ada)
    between.cut()
    await level(ada, "lyon", 1).tap()
    await level(ada, "lyon", 3).tap()
    await level(ada, "glasgow", 2).tap()
    for stall in ("lyon", "glasgow"):
        await expect(ada.locator(f"#wish-{stall}")).to_have_attribute("data-state", "waiting")
    await expect(ada.locator("#line")).to_contain_text("in attesa")
    await ada.locator("[data-market-bring]").first.tap()
    await ada.locator("#practice-title").fill("La portineria di quartiere")
    await between.refuses(2)
    await expect(ada.locator("#wish-lyon-3")).to_be_checked()
    between.mends()
    for stall in ("lyon", "glasgow"):
        await expect(ada.locator(f"#wish-{stall}")).to_have_attribute("data-state", "kept", timeout=15_000)
    wished = [(fact["body"]["stall"], fact["body"]["level"]) for fact in await glass.facts("wished")]
    assert wished == [("lyon", 1), ("lyon", 3), ("glasgow", 2)]
    await expect(ada.locator("#practice-title")).to_have_value("La portineria di quartiere")
    # and what was half written outlives the page
    await ada.reload()
    await live(ada)
    await expect(ada.locator("#wish-lyon-3")).to_be_checked()
    await ada.locator("[data-market-bring]").first.tap()
    await expect(ada.locator("#practice-title")).to_have_value("La portineria di quartiere")
    await ada.locator("#market-practice-form button.is-primary").tap()
    await expect(ada.locator(".mk-presents")).to_contain_text("La portineria di quartiere")


async def test_a_phone_read_again_in_the_middle_of_a_round_finds_where_it_was(glass: Glass, between: Net) -> None:
    await opens(glass)
    await crowd(glass, 6)
    ada = await phone(glass)
    await ada.locator(".mk-none").tap()
    await level(ada, "lyon", 3).tap()
    await is_kept(ada, "#wish-lyon")
    await published(glass)
    await says(glass, "start_round", "m")
    stall = await shows_way(glass, ada, 1)
    await ada.locator("[data-do=check_in].is-wide").tap()
    await expect(ada.locator(".strip.is-ok")).to_be_visible()
    await ada.locator("#market-say > summary").tap()
    await ada.locator("#market-note-text").fill("mezza fra")
    between.cut()
    await between.refuses()
    between.mends()
    await ada.reload()
    await live(ada)
    assert await shows_way(glass, ada, 1) == stall
    await expect(ada.locator(".strip.is-ok")).to_be_visible()
    await expect(ada.locator("#market-note-text")).to_have_value("mezza fra")
    # what changed while the phone was away is there with it
    between.cut()
    await says(glass, "end_round", "m")
    await says(glass, "start_round", "m")
    between.mends()
    await expect(ada.locator(".mk-hero-line")).to_contain_text("Giro 2 di 3", timeout=15_000)
    await shows_way(glass, ada, 2)
    await expect(ada.locator("#rate-1 b")).to_contain_text(str(await number_of(glass, stall)))
