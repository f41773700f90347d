"""A policy idea as people make it: written on a table's phones, read and backed by the room, published from the desk."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.access import audit
from tests.browser.glass import Glass, live, press
from tests.browser.test_boards import desk_at, phone, says, wall_at
from tests.people import plan, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

IDEAS: dict[str, Any] = {
    "id": "i",
    "activity": "idea",
    "title": {"it": "Le nostre idee", "en": "Our ideas"},
    "minutes": 30,
    "level": "pseudonym",
    "setup": {"form": "card", "per": "table", "prefix": "MI"},
}

#: What is typed or chosen for each field of the card, by the end of its control's name.
CARD = {
    "title|it": "Fondo comune di garanzia per chi cerca casa",
    "summary|it": "Comune, cooperative e proprietari garantiscono insieme chi ha meno di 35 anni e non ha garanzie.",
    "domain": "housing",
    "problem|it": "Chi ha un lavoro a termine non trova casa in affitto, anche se paga regolarmente.",
    "target_group.label|it": "giovani sotto i 35 anni",
    "target_group.estimated_number": "120",
    "area.scope": "municipality",
    "area.name": "Milano",
    "proposal|it": "Un fondo che copre dodici mesi di canone e accompagna inquilini e proprietari.",
}
#: The same for each row of a list, in turn.
ROWS = {
    "actors": [
        {"name": "Direzione Politiche sociali", "sector": "public", "role": "lead"},
        {"name": "Cooperativa Abitare", "sector": "third_sector", "role": "provider"},
    ],
    "obstacles": [
        {
            "text|it": "I proprietari non si fidano.",
            "category": "trust",
            "overcome": "Un referente che risponde presto.",
        }
    ],
    "next_steps": [
        {"text|it": "Scrivere le regole del fondo", "owner": "Direzione Politiche sociali", "due": "2099-01-31"}
    ],
}


async def opens(glass: Glass) -> tuple[Page, Page]:
    """Ada at table 1 and Bruno at table 2, before an empty stage of ideas."""
    await glass.day.begins(plan(IDEAS, talk()))
    ada = await phone(glass)
    bruno = await phone(glass, "Bruno", "social_innovators")
    for page, table in ((ada, "1"), (bruno, "2")):
        person = await page.locator("body").get_attribute("data-person")
        await says(glass, "seat_people", None, people=[person], table=table)
    await says(glass, "open_stage", None, stage="i")
    return ada, bruno


async def controls(page: Page) -> list[tuple[str, str]]:
    """Name and kind of each control of the open form, its folded parts left out."""
    found = await page.evaluate(
        """() => [...document.querySelector("dialog.id-sheet form").elements]
        .filter((one) => one.name && one.checkVisibility()).map((one) => [one.name, one.type])"""
    )
    return [(str(name), str(kind)) for name, kind in found]


def said_of(name: str, row: dict[str, str] | None) -> str | None:
    if row is None:
        return next((said for end, said in CARD.items() if name == end), None)
    column = name.partition("|")[2]
    if column.startswith("overcome|"):
        return row.get("overcome") if column.endswith("|text|it") else None
    return row.get(column)


async def fills(glass: Glass, page: Page, rows: dict[str, list[dict[str, str]]]) -> str:
    """Writes what the card says is missing first, in the form that its button opens. Gives that field."""
    before = len(await glass.facts("idea_edited"))
    button = page.locator(".ideas-first [data-edit]")
    field = str(await button.get_attribute("data-edit"))
    await button.tap()
    sheet = page.locator("dialog.id-sheet")
    await expect(sheet.locator("textarea, input, select").first).to_be_visible()
    assert await sheet.evaluate("(one) => one.contains(document.activeElement)"), "the focus stayed behind the form"
    row = rows[field.partition("/")[0]].pop(0) if "/" in field else None
    written = 0
    for name, kind in await controls(page):
        said = said_of(name, row)
        if said is None:
            continue
        place = sheet.locator(f'[name="{name}"]')
        if kind == "checkbox":
            await sheet.locator(f'[name="{name}"][value="{said}"]').set_checked(True)
        elif kind == "select-one":
            await place.select_option(said)
        else:
            await place.fill(said)
        written += 1
    assert written, f"nothing to write for {field}: {await controls(page)}"
    await sheet.locator(".id-foot .is-primary").tap()
    await expect(sheet).not_to_be_visible()
    async with asyncio.timeout(8):
        while len(await glass.facts("idea_edited")) == before:
            await asyncio.sleep(0.03)
    await live(page)
    return field


async def drawn(glass: Glass, *pages: Page) -> None:
    await glass.drawn((await glass.day.facts())[-1]["number"], list(pages))


async def test_a_table_fills_its_card_the_room_backs_it_and_the_desk_publishes_after_it_was_told_what_is_missing(
    glass: Glass,
) -> None:
    ada, bruno = await opens(glass)
    desk, wall = await desk_at(glass), await wall_at(glass)
    await expect(wall.locator(".wall-ideas")).to_be_visible()
    await press(ada, "[data-begin]")
    await expect(ada.locator(".id-card")).to_have_count(1)
    await expect(bruno.locator(".id-card")).to_have_count(0)

    # incomplete: the desk is refused, and shown every line that is missing
    row = desk.locator(".ideas-list > li")
    await press(desk, row.locator('[data-do="move_idea"]').first)
    lacks = row.locator("details.ideas-lacks")
    await expect(lacks).to_have_attribute("open", "")
    missing = await lacks.locator(".id-missing li").all_inner_texts()
    assert len(missing) >= 8, missing
    assert not await glass.facts("idea_frozen")

    # the phone says what comes first until nothing is missing
    rows = {name: list(some) for name, some in ROWS.items()}
    fields: list[str] = []
    while await ada.locator(".ideas-first").count():
        assert len(fields) < 20, fields
        fields.append(await fills(glass, ada, rows))
        await drawn(glass, ada)
    assert {"title", "problem", "actors/+"} <= set(fields)
    await expect(ada.locator(".id-card .strip.is-ok")).to_be_visible()
    for page in (bruno, wall):
        assert CARD["problem|it"] not in await page.content(), "a text that is being written is its table's"

    # review: the whole room reads it, and nobody may publish it yet
    await press(desk, row.locator('[data-do="move_idea"]').first)
    read = bruno.locator("details.ideas-read")
    await read.locator("summary").first.tap()
    await expect(read).to_contain_text(CARD["problem|it"])
    await press(desk, row.locator('[data-do="move_idea"]').first)
    await expect(lacks).to_have_attribute("open", "")
    await expect(lacks.locator(".id-missing li")).to_have_count(2)
    await expect(lacks).to_contain_text("Funzionari pubblici")
    await expect(lacks).to_contain_text("Innovatori sociali")
    assert [fact["body"]["to"] for fact in await glass.facts("idea_moved")][-1] == "review"

    # one supports, the other with a condition
    await read.locator("[data-endorse]").tap()
    sheet = bruno.locator("dialog.id-sheet")
    await sheet.locator('label:has([value="support_with_conditions"])').tap()
    await sheet.locator('[name="condition|0"]').fill("Il bilancio del fondo è pubblico ogni anno")
    await sheet.locator('[name="degree|0"]').select_option("must")
    await sheet.locator(".id-foot .is-primary").tap()
    await expect(read.locator("[data-backing]")).to_be_visible()
    await live(bruno)
    await ada.locator("details.ideas-read summary").first.tap()
    await ada.locator("[data-endorse]").tap()
    await ada.locator('dialog.id-sheet label:has([value="support"])').first.tap()
    await ada.locator("dialog.id-sheet .id-foot .is-primary").tap()
    await expect(ada.locator("[data-backing]")).to_be_visible()
    await live(ada)
    await drawn(glass, desk)
    await row.locator("details.ideas-conditions summary").click()
    await expect(row.locator("details.ideas-conditions")).to_contain_text("Il bilancio del fondo è pubblico ogni anno")
    # a condition that must be met withholds the support until the desk says that it is met
    await expect(lacks.locator(".id-missing li")).to_have_count(1)
    await expect(lacks).to_contain_text("Innovatori sociali")
    await press(desk, row.locator('[data-do="fulfil_condition"]'))
    await expect(lacks).to_have_count(0)

    # published
    await press(desk, '#dock [data-do="move_idea"]')
    await expect(row).to_have_attribute("class", "is-published")
    await expect(wall.locator(".wall-ideas li.is-published")).to_be_visible()
    levels = [fact["body"]["level"] for fact in await glass.facts("endorsed")]
    assert levels == ["support_with_conditions", "support"]
    assert [fact["body"]["to"] for fact in await glass.facts("idea_moved")][-1] == "published"


#: A box or a dot is as large as the line that it stands in: the whole line is tapped.
SMALL_LINES = """() => [...document.querySelectorAll("input[type=checkbox], input[type=radio]")]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.name, one.closest("label").getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 44 || height < 44).map(([name, { width, height }]) => `${name} ${width} ${height}`)"""


async def phone_is_fine(page: Page, state: str, widths: tuple[int, ...] = (320,), dark: bool = False) -> list[str]:
    themes = ("light", "dark") if dark else ("light",)
    found = await audit(page, f"phone, {state}", widths, themes, 44)
    lines = [f"phone, {state}: small line: {one}" for one in await page.evaluate(SMALL_LINES)]
    return [one for one in found if not re.search(r"small target: input +24 24$", one)] + lines


async def test_the_stage_of_ideas_has_no_barrier_on_phone_desk_and_wall(glass: Glass) -> None:
    ada, bruno = await opens(glass)
    desk, wall = await desk_at(glass), await wall_at(glass)
    found = await phone_is_fine(ada, "no idea")
    badge = {
        "idea": "fund",
        "fields": {name: CARD[f"{name}|it"] for name in ("title", "summary", "problem", "proposal")},
    }
    fields = {name: {"it": said} for name, said in badge["fields"].items()}  # type: ignore[attr-defined]
    await says(glass, "new_idea", "i", idea="fund", fields=fields, table="1")
    await drawn(glass, ada, desk, wall)
    found += await phone_is_fine(ada, "card", (320, 390), dark=True)
    await ada.locator(".ideas-first [data-edit]").tap()
    await expect(ada.locator("dialog.id-sheet")).to_be_visible()
    found += await phone_is_fine(ada, "form")
    await ada.locator("dialog.id-sheet [data-shut]").tap()
    await desk.locator(".ideas-lacks summary").first.click()
    found += await audit(desk, "desk, list", (1280,), ("light", "dark"))
    found += await audit(wall, "wall, all ideas", (1920,), ("light",))
    rest = {
        "domain": ["housing"],
        "target_group.label": {"it": CARD["target_group.label|it"]},
        "target_group.estimated_number": 120,
        "area.scope": "municipality",
        "area.name": "Milano",
        "actors/city": ROWS["actors"][0],
        "actors/coop": ROWS["actors"][1],
        "obstacles/trust": {
            "text": {"it": "I proprietari non si fidano."},
            "category": "trust",
            "overcome": [{"uid": "visits", "text": {"it": "Un referente che risponde presto."}}],
        },
        "next_steps/rules": {"text": {"it": "Scrivere le regole"}, "owner": "Direzione", "due": "2099-01-31"},
    }
    await says(glass, "edit_idea", "i", idea="fund", base={}, set=rest)
    for state in ("draft", "review"):
        await says(glass, "move_idea", "i", idea="fund", to=state)
    await says(glass, "show_idea", "i", idea="fund")
    await says(glass, "open_idea", "i", idea="fund")
    await drawn(glass, ada, bruno, desk, wall)
    await bruno.locator("details.ideas-read summary").first.tap()
    found += await phone_is_fine(bruno, "review", (320, 390))
    await bruno.locator("[data-endorse]").tap()
    await bruno.locator('dialog.id-sheet label:has([value="support_with_conditions"])').tap()
    found += await phone_is_fine(bruno, "backing")
    found += await audit(desk, "desk, whole form", (1280,), ("light",))
    found += await audit(wall, "wall, one idea", (1920,), ("light", "dark"))
    assert not found, "\n".join(found)
