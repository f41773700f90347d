"""Seats as people find them: where they work, a draft on the desk that hands may change, one's own table, the wall.

OFFICINA_SHOTS names a folder that keeps a picture of every state, to be looked at.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.access import audit, tab_to, wears
from tests.browser.glass import Glass, agree, live, press
from tests.browser.test_boards import desk_at, phone, says, wall_at
from tests.browser.test_market import drawn, hits, person_of, shot, view
from tests.browser.test_market_access import phone_is_fine
from tests.people import plan, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUPS = ("civil_servants", "social_innovators")
WORK = ("Comune di Torino", "Cooperativa Raggio", "Regione Piemonte")
FOUR: list[dict[str, Any]] = [
    {"id": "1", "seats": 4, "name": {"it": "Lavanderia", "en": "Laundry"}, "symbol": "drop"},
    {
        "id": "2",
        "seats": 4,
        "name": {"it": "Orto", "en": "Garden"},
        "host": {"it": "Chi cura l'orto", "en": "Gardeners"},
    },
    {"id": "3", "seats": 4},
    {"id": "Sala B", "seats": 4},
]


def tables(**setup: Any) -> dict[str, Any]:
    having = {"tables": FOUR, "rounds": 2, "steps": 2_000, "organisation": "ask", "organisations": WORK, **setup}
    title = {"it": "Ai tavoli", "en": "To the tables"}
    return {"id": "t", "activity": "tables", "title": title, "minutes": 10, "setup": having}


async def opens(glass: Glass, **setup: Any) -> None:
    await glass.day.begins(plan(tables(**setup), talk()))
    await says(glass, "open_stage", None, stage="t")


async def crowd(glass: Glass, people: int, first: int = 0) -> dict[str, str]:
    """People without a screen, who said where they work: {name: person}."""
    found = {}
    for n in range(first, first + people):
        made = await glass.day.badge(GROUPS[n % 2], f"Persona {n:02d}")
        found[f"Persona {n:02d}"] = made["person"]
        await says(glass, "say_organisation", "t", made["badge"], organisation=WORK[n % 3])
    return found


async def seats_of(glass: Glass) -> dict[str, str]:
    """{person: table} as the desk has them."""
    return {row["person"]: table["id"] for table in (await view(glass))["tables"] for row in table["seated"]}


async def found(glass: Glass) -> None:
    await says(glass, "ask_for_seating", "t", seed=7)
    async with asyncio.timeout(10):
        while (await view(glass))["state"] != "draft":
            await asyncio.sleep(0.05)


async def shown(glass: Glass) -> None:
    await found(glass)
    await says(glass, "publish_seating", "t")


def seat(desk: Page, person: str) -> Locator:
    return desk.locator(f"#seat-{person}")


def card(desk: Page, table: str) -> Locator:
    return desk.locator(f'.tb-card[data-table="{table}"]')


async def cost(glass: Glass) -> int:
    return int((await view(glass))["figures"]["cost"])


# -- the story ----------------------------------------------------------------------------------------------------


async def test_a_room_says_where_it_works_is_seated_by_hand_where_needed_and_finds_its_tables(glass: Glass) -> None:
    await opens(glass)
    others = await crowd(glass, 10)
    desk, wall = await desk_at(glass), await wall_at(glass)
    ada = await phone(glass)
    bruno = await phone(glass, "Bruno", "social_innovators", "en")
    for page, name in ((ada, "Comune di Torino"), (bruno, "Cooperativa Raggio")):
        await page.locator("#say-organisation-name").fill(name)
        await page.locator("#say-organisation button").tap()
        await expect(page.locator(".tb-said strong")).to_have_text(name)
    await expect(wall.locator(".number strong")).to_have_text("12")
    await expect(desk.locator(".tb-desk .hint").first).to_contain_text("12")
    for page in (desk, wall, bruno):
        assert "Regione Piemonte" not in (await page.locator("#now").inner_text()), "where somebody works is nobody's"
    await shot(ada, "tables-phone-before")

    # found with one key; only the desk sees it
    await hits(desk, "r")
    await expect(desk.locator(".tb-card")).to_have_count(4, timeout=15_000)
    await expect(desk.locator(".tb-person")).to_have_count(12)
    await expect(desk.locator(".tb-report .number strong")).to_have_text("2,0")
    await expect(ada.locator(".tb-mine")).to_have_count(0)
    await expect(wall.locator(".tb-grid")).to_have_count(0)
    await shot(desk, "tables-desk-draft")

    # somebody is moved with the keyboard, and the cost of each choice is told before
    before = await seats_of(glass)
    mover = await person_of(ada)
    target = next(id for id in ("1", "2", "3", "Sala B") if id != before[mover])
    was = await cost(glass)
    await tab_to(desk, f"#seat-{mover}")
    await desk.keyboard.press("Enter")
    dialog = desk.locator("dialog.tb-dialog")
    await expect(dialog.locator("h2")).to_contain_text("Ada")
    first = dialog.locator(".tb-choice").first
    await expect(first).to_be_focused()
    await shot(desk, "tables-desk-move", whole=False)
    choice = dialog.locator(".tb-choice").filter(has=desk.get_by_text(f"Tavolo {target}", exact=True)).first
    told = await choice.locator("b").inner_text()
    for _ in range(6):
        if await choice.evaluate("(one) => one === document.activeElement"):
            break
        await desk.keyboard.press("ArrowDown")
    await expect(choice).to_be_focused()
    await desk.keyboard.press("Enter")
    await expect(card(desk, target).locator(f"#seat-{mover}")).to_be_visible()
    await expect(dialog).to_have_count(0)
    await expect(seat(desk, mover)).to_be_focused()
    change = await cost(glass) - was
    expected = "il costo non cambia" if not change else f"costo {'+' if change > 0 else '−'}{abs(change)}"
    assert told == expected, f"the desk said {told}, the cost changed by {change}"
    await expect(seat(desk, mover).locator(".tb-tag").first).to_be_visible()

    # undone, and the same by dragging; then onto a name, which exchanges the two
    await press(desk, "[data-do=undo_move]")
    await expect(card(desk, before[mover]).locator(f"#seat-{mover}")).to_be_visible()
    assert await seats_of(glass) == before
    await desk.set_viewport_size({"width": 1280, "height": 1600})
    await seat(desk, mover).drag_to(card(desk, target).locator("header"))
    await expect(card(desk, target).locator(f"#seat-{mover}")).to_be_visible()
    await press(desk, "[data-do=undo_move]")
    await expect(card(desk, before[mover]).locator(f"#seat-{mover}")).to_be_visible()
    other = next(person for person, table in before.items() if table == target)
    await seat(desk, mover).drag_to(seat(desk, other))
    await expect(card(desk, before[mover]).locator(f"#seat-{other}")).to_be_visible()
    await desk.set_viewport_size({"width": 1280, "height": 900})
    now = await seats_of(glass)
    assert now == {**before, mover: target, other: before[mover]}
    await expect(desk.locator(".tb-lines")).to_contain_text("Costo di questo giro")

    # published: each phone its own table, number and picture; the wall all of them
    await hits(desk, "r")
    for page, person in ((ada, mover), (bruno, await person_of(bruno))):
        mine = page.locator(".tb-mine")
        await expect(mine.locator(".tb-number")).to_have_text(now[person])
        await expect(mine.locator(".tb-sign")).to_be_visible()
        row = next(table for table in (await view(glass))["tables"] if table["id"] == now[person])
        words = {"it": {"drop": "goccia"}, "en": {"drop": "drop"}}["it" if page is ada else "en"]
        await expect(mine.locator(".tb-sign")).to_have_attribute(
            "aria-label", words.get(row["symbol"], re.compile("."))
        )
        await expect(mine.locator(".tb-facts")).to_contain_text("2 ")
    await expect(wall.locator(".tb-table")).to_have_count(4)
    await expect(wall.locator(".tb-marks .mark-of")).to_have_count(12)
    assert "Ada" not in await wall.locator("#now").inner_text()
    seated = [fact["body"] for fact in await glass.facts("people_seated")]
    assert {one: fact["table"] for fact in seated for one in fact["people"]} == now
    for name, page in (("phone", ada), ("phone-en", bruno), ("desk", desk), ("wall", wall)):
        await shot(page, f"tables-{name}-published", whole=name != "wall")

    # a latecomer: no seat yet, then the suggested one, with the reason on the desk
    carla = await phone(glass, "Carla", "civil_servants")
    await expect(carla.locator(".tb-seat.is-none")).to_be_visible()
    late = desk.locator(".tb-late li")
    await expect(late).to_contain_text("Carla")
    await expect(late.locator(".hint")).to_contain_text(re.compile(r"person|mai"))
    await shot(desk, "tables-desk-late")
    await press(desk, late.locator("[data-do=seat_late]"))
    await expect(desk.locator(".tb-late")).to_have_count(0)
    await expect(carla.locator(".tb-mine .tb-number")).to_have_text((await seats_of(glass))[await person_of(carla)])
    [seated_late] = await glass.facts("person_seated_late")
    assert seated_late["body"]["reasons"]

    # a phone read again finds its seat; the next round seats everybody with new people
    await ada.reload()
    await live(ada)
    await expect(ada.locator(".tb-mine .tb-number")).to_have_text(now[mover])
    await hits(desk, "r")
    await agree(desk)
    await expect(desk.locator(".tb-head h2")).to_contain_text("Giro 2 di 2", timeout=15_000)
    await expect(desk.locator("#dock [data-do=publish_seating]")).to_be_visible(timeout=15_000)
    await expect(ada.locator(".tb-facts")).to_contain_text("Fra poco si cambia tavolo")
    await expect(ada.locator(".tb-mine .tb-number")).to_have_text(now[mover])
    await hits(desk, "r")
    second = await published_at(glass, 2)
    for page in (ada, bruno, carla):
        await expect(page.locator(".tb-mine .tb-number")).to_have_text(second[await person_of(page)])
        await expect(page.locator(".tb-mine .eyebrow")).to_contain_text("2")
    assert set(others.values()) <= set(second)


async def published_at(glass: Glass, round: int) -> dict[str, str]:
    async with asyncio.timeout(10):
        while (await view(glass))["state"] != "published" or (await view(glass))["round"] != round:
            await asyncio.sleep(0.05)
    return await seats_of(glass)


# -- everybody can use it -----------------------------------------------------------------------------------------


async def test_no_screen_of_a_seating_has_a_barrier_in_any_state(glass: Glass) -> None:
    await opens(glass)
    await crowd(glass, 9)
    desk, wall = await desk_at(glass), await wall_at(glass)
    ada, bruno = await phone(glass), await phone(glass, "Bruno", "social_innovators", "en")
    problems = await phone_is_fine(ada, "tables asked")
    await bruno.locator("#say-organisation-name").fill("Comune di Torino")
    await bruno.locator("#say-organisation button").tap()
    await expect(bruno.locator(".tb-said")).to_be_visible()
    problems += await phone_is_fine(bruno, "tables said")
    problems += await audit(desk, "desk, before", (1280,))
    problems += await audit(wall, "wall, before", (1920,))
    await found(glass)
    await drawn(glass, desk)
    await press(desk, "button[data-mode=expert]")
    await desk.locator("#tables-tuning > summary").click()
    await desk.locator("#tables-print > summary").click()
    problems += await audit(desk, "desk, draft", (1280,))
    await desk.locator(".tb-person").first.click()
    await expect(desk.locator("dialog.tb-dialog .tb-choice").first).to_be_visible()
    problems += await audit(desk, "desk, moving", (1280,))
    await desk.keyboard.press("Escape")
    await says(glass, "publish_seating", "t")
    carla = await phone(glass, "Carla")
    await expect(carla.locator(".tb-seat.is-none")).to_be_visible()
    problems += await phone_is_fine(carla, "tables late")
    problems += await phone_is_fine(ada, "tables published")
    problems += await audit(desk, "desk, published, somebody late", (1280,))
    problems += await audit(wall, "wall, published", (1920,))
    assert not problems, "\n".join(dict.fromkeys(problems))


async def test_the_desk_tunes_and_moves_without_a_pointer_and_keeps_its_focus(glass: Glass) -> None:
    await opens(glass)
    others = await crowd(glass, 8)
    desk = await desk_at(glass)
    await press(desk, "button[data-mode=expert]")
    await tab_to(desk, "#tables-tuning > summary")
    await desk.keyboard.press("Enter")
    await tab_to(desk, "#apart-one")
    await desk.keyboard.type("Persona 00")
    await tab_to(desk, "#apart-other")
    await desk.keyboard.type("Persona 01")
    # the room goes on: the choice and the focus stay
    zita = await glass.day.badge(GROUPS[0], "Zita")
    others["Zita"] = zita["person"]
    await says(glass, "say_organisation", "t", zita["badge"], organisation="A")
    await drawn(glass, desk)
    await expect(desk.locator("#apart-other")).to_be_focused()
    await expect(desk.locator("#apart-other")).to_have_value(others["Persona 01"])
    await expect(desk.locator("#apart-one")).to_have_value(others["Persona 00"])
    await tab_to(desk, "#keep-apart .button")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".tb-wishes li").first).to_contain_text(re.compile("Persona 0[01] · Persona 0[01]"))
    await tab_to(desk, "#pin-who")
    await desk.keyboard.type("Persona 02")
    await tab_to(desk, "#pin-where")
    await desk.keyboard.type("3")
    await tab_to(desk, "#pin-person .button")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".tb-wishes").last).to_contain_text("Persona 02")
    await hits(desk, "r")
    await expect(desk.locator(".tb-person")).to_have_count(9, timeout=15_000)
    seats = await seats_of(glass)
    assert seats[others["Persona 02"]] == "3" and seats[others["Persona 00"]] != seats[others["Persona 01"]]
    await expect(seat(desk, others["Persona 02"]).locator(".tb-tag")).to_be_visible()
    # the dialog goes away by Escape and the focus goes back to the name
    await tab_to(desk, f"#seat-{others['Persona 05']}")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("dialog.tb-dialog .tb-choice").first).to_be_focused()
    await desk.keyboard.press("Escape")
    await expect(seat(desk, others["Persona 05"])).to_be_focused()
    # an exchange by the same keys
    await desk.keyboard.press("Enter")
    swap = desk.locator("dialog.tb-dialog h3 ~ .tb-choice").first
    await expect(swap).to_be_visible()
    name = await swap.locator("strong").inner_text()
    await tab_to(desk, "dialog.tb-dialog h3 ~ .tb-choice")
    await desk.keyboard.press("Enter")
    await expect(seat(desk, others["Persona 05"])).to_have_attribute("data-at", seats[others[name]])
    assert (await seats_of(glass))[others[name]] == seats[others["Persona 05"]]


#: What of the wall lies outside its table, or under the foot.
WALL = """() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollHeight > root.clientHeight + 1) found.push(`page: ${root.scrollHeight - root.clientHeight} px too high`);
  const foot = document.querySelector("#foot").getBoundingClientRect();
  const legend = document.querySelector(".tb-wall > .legend")?.getBoundingClientRect();
  if (legend && (legend.right > 0.74 * innerWidth || legend.height > 112)) found.push("the legend does not fit beside the corner");
  for (const table of document.querySelectorAll(".tb-table")) {
    const place = table.getBoundingClientRect();
    const name = table.querySelector(".tb-number").textContent;
    if (place.bottom > foot.top + 1 && place.right > foot.left || place.bottom > legend?.top + 1) found.push(`table ${name} lies over the foot`);
    for (const one of table.querySelectorAll("strong, svg, p, .tb-marks, .tb-names li")) {
      if (!one.checkVisibility()) continue;
      const { left, right, top, bottom } = one.getBoundingClientRect();
      if (left < place.left || right > place.right + 1 || top < place.top - 1 || bottom > place.bottom + 1)
        found.push(`table ${name}: ${one.textContent.trim() || one.getAttribute("class")} is cut`);
    }
    const parts = [...table.children].map((one) => one.getBoundingClientRect());
    parts.forEach((one, n) => {
      if (n && one.top < parts[n - 1].bottom - 4) found.push(`table ${name}: part ${n + 1} lies over the one above`);
    });
  }
  return found;
}"""


MANY = [
    (4, 40, "counts"), (6, 36, "names"), (8, 40, "counts"), (12, 36, "counts"), (12, 150, "counts"),
    (12, 48, "names"), (20, 60, "counts"), (20, 48, "names"), (30, 90, "counts"), (60, 60, "counts"),
]  # fmt: skip


@pytest.mark.parametrize(("count", "people", "wall"), MANY)
async def test_every_table_is_whole_on_the_wall_whatever_their_number(
    glass: Glass, count: int, people: int, wall: str
) -> None:
    each = [
        {
            "id": str(n),
            "name": {"it": "Case di quartiere", "en": "Neighbourhood"},
            "host": {"it": "Chi ospita", "en": "A host"},
        }
        for n in range(1, count + 1)
    ]
    await opens(glass, tables=each, wall=wall, organisation="no", steps=200)
    for n in range(people):
        await glass.day.badge(GROUPS[n % 2], f"Maria Antonietta {n:02d}")
    page = await wall_at(glass)
    await shown(glass)
    await expect(page.locator(".tb-table")).to_have_count(count)
    problems = await page.evaluate(WALL)
    if wall == "names":
        await expect(page.locator(".tb-names li")).to_have_count(people)
    for theme in ("dark", "light"):
        await wears(page, theme)
        await shot(page, f"tables-wall-{count}-{people}-{wall}-{theme}", whole=False)
    assert not problems, "\n".join(problems)
