"""A marketplace for everybody: no barrier on any screen in any phase, with large text too; and a wall that is never cut."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.access import audit, wears
from tests.browser.glass import Glass, live
from tests.browser.test_boards import desk_at, phone, says, wall_at
from tests.browser.test_market import (
    GROUPS,
    STALLS,
    TITLES,
    at_panel,
    both_want,
    crowd,
    drawn,
    is_kept,
    level,
    market,
    opens,
    paired,
    planned,
    published,
    shot,
    view,
)
from tests.people import plan, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


# -- everybody can use it -----------------------------------------------------------------------------------------


SMALL_LINES = """() => [...document.querySelectorAll(".market label:has(input), .market-mine label:has(input)")]
  .filter((one) => one.checkVisibility()).map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 47.5 || height < 47.5).map(([name, { width, height }]) => `${name} ${width} ${height}`)"""

#: Bigger text as a phone's own setting makes it: everything is measured in the size of the root.
BIG_TEXT = "(on) => { document.documentElement.style.fontSize = on ? '200%' : '' }"

CUT = """() => {
  const found = [];
  for (const one of document.querySelectorAll("main :is(h1, h2, h3, p, b, strong, span, button, label, dd, dt, summary, li)")) {
    if (!one.checkVisibility() || one.closest(".unseen, [inert], .is-cards") || !one.textContent.trim()) continue;
    const { left, right, width, height } = one.getBoundingClientRect();
    const name = `${one.localName}.${one.className} "${one.textContent.trim().slice(0, 30)}"`;
    if (width && (left < -1 || right > innerWidth + 1)) found.push(`${name} ${Math.round(left)}-${Math.round(right)}`);
    // a column so thin that words come apart into letters
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && /\\p{L}{7}/u.test(node.data));
    const size = parseFloat(getComputedStyle(one).fontSize);
    if (own && one.closest("#now, #mine") && width < 3 * size && height > 2 * size) found.push(`${name} is a column of letters`);
  }
  return found;
}"""


async def phone_is_fine(page: Page, state: str) -> list[str]:
    """At 320 and 360 px, in both themes, and with text twice as large."""
    found = await audit(page, f"phone, {state}", (320, 360), ("light", "dark"), 48)
    found += [f"phone, {state}: small line: {one}" for one in await page.evaluate(SMALL_LINES)]
    await page.evaluate(BIG_TEXT, True)
    over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if over > 0:
        found.append(f"phone, {state}, text at 200 %: {over} px wider than the screen")
    found += [f"phone, {state}, text at 200 %: cut: {one}" for one in await page.evaluate(CUT)]
    await shot(page, f"big-{state.replace(' ', '-')}")
    await page.evaluate(BIG_TEXT, False)
    return found


async def test_no_screen_of_a_marketplace_has_a_barrier_in_any_phase(glass: Glass) -> None:
    await opens(glass)
    room = await crowd(glass, 8)
    desk, wall = await desk_at(glass), await wall_at(glass)
    ada, bruno = await phone(glass), await phone(glass, "Bruno", "social_innovators", "en")
    found = await phone_is_fine(ada, "organisation asked")
    for page, name in ((ada, "Copenhagen"), (bruno, "Lyon")):
        await page.locator("#market-organisation").get_by_role("button", name=name).tap()
        await expect(page.locator(".mk-own")).to_contain_text(name)
    await says(glass, "present", "m", room.badges["Persona 00"], stall="copenhagen", on=True)
    await ada.locator("#more-lyon > summary").tap()
    await level(ada, "lyon", 2).tap()
    await is_kept(ada, "#wish-lyon")
    found += await phone_is_fine(ada, "wishes")
    await bruno.locator("[data-market-mode=cards]").tap()
    await level(bruno, STALLS[0], 3).tap()
    await expect(bruno.locator("[data-market-at]")).to_have_text("2 of 8")
    found += await phone_is_fine(bruno, "cards")
    await ada.locator("[data-market-bring]").first.tap()
    await ada.locator("#practice-more > summary").tap()
    found += await phone_is_fine(ada, "card of a practice")
    await ada.keyboard.press("Escape")
    found += await audit(desk, "desk, before", (1280,))
    found += await audit(wall, "wall, before", (1920,))

    await planned(glass)
    await drawn(glass, desk)
    await desk.locator("#market-names").check()
    found += await audit(desk, "desk, offered", (1280,))
    await says(glass, "publish_plan", "m", plan=(await view(glass))["offered"]["number"])
    await expect(ada.locator(".mk-hero")).to_be_visible()
    found += await phone_is_fine(ada, "published")
    await says(glass, "start_round", "m")
    carla = await phone(glass, "Carla")
    await expect(carla.locator(".mk-hero")).to_be_visible()
    found += await phone_is_fine(carla, "late")
    await bruno.locator("[data-do=check_in].is-wide").tap()
    await expect(bruno.locator(".strip.is-ok")).to_be_visible()
    await bruno.locator("#market-say > summary").tap()
    found += await phone_is_fine(bruno, "running")
    await ada.locator(".mk-actions [popovertarget=market-where]").last.tap()
    await expect(ada.locator("#market-where")).to_be_visible()
    found += await phone_is_fine(ada, "stalls")
    await ada.keyboard.press("Escape")
    await desk.locator("#market-seen > summary").click()
    await desk.locator("#desk-people > summary").click()
    found += await audit(desk, "desk, running", (1280,))
    found += await audit(wall, "wall, running", (1920,))
    await says(glass, "circulate", "m", on=True)
    await expect(ada.locator(".mk-places")).to_be_visible()
    found += await phone_is_fine(ada, "free circulation")
    found += await audit(wall, "wall, free circulation", (1920,), ("light",))
    await says(glass, "circulate", "m", on=False)
    await says(glass, "end_round", "m")
    await expect(bruno.locator("#rate-1")).to_be_visible()
    found += await phone_is_fine(bruno, "rating")
    assert not found, "\n".join(dict.fromkeys(found))


async def test_no_screen_of_the_panel_has_a_barrier(glass: Glass) -> None:
    _, ada, bruno = await at_panel(glass)
    desk, wall = await desk_at(glass), await wall_at(glass)
    await both_want(ada, bruno)
    await ada.locator("#want-more-lyon > summary").tap()
    found = await phone_is_fine(ada, "panel")
    await bruno.locator("#now [popovertarget=market-tags]").tap()
    found += await phone_is_fine(bruno, "offers and needs")
    await bruno.keyboard.press("Escape")
    found += await audit(desk, "desk, panel", (1280,))
    found += await audit(wall, "wall, panel asked", (1920,), ("light",))
    await paired(glass)
    await expect(ada.locator(".mk-peer")).to_have_count(1)
    await ada.locator(".mk-peer .mk-fold > summary").tap()
    found += await phone_is_fine(ada, "pairs")
    await desk.locator(".mk-peers .mk-fold > summary").first.click()
    found += await audit(desk, "desk, pairs", (1280,))
    found += await audit(wall, "wall, matrix", (1920,))
    for page, name, theme in ((wall, "wall", "dark"), (desk, "desk", "dark"), (ada, "phone", "dark")):
        await wears(page, theme)
        await shot(page, f"{name}-pairs-{theme}", whole=name == "phone")
    assert not found, "\n".join(dict.fromkeys(found))


# -- the wall -----------------------------------------------------------------------------------------------------

#: What of the wall lies outside its place: words of a card, cards over the foot, a legend of two lines.
WALL = """() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollHeight > root.clientHeight + 1) found.push(`page: ${root.scrollHeight - root.clientHeight} px too high`);
  const foot = document.querySelector(".mk-wall-foot").getBoundingClientRect();
  for (const card of document.querySelectorAll(".mk-wall-stalls > li")) {
    if (!card.checkVisibility()) continue;
    const place = card.getBoundingClientRect();
    if (place.bottom > foot.top + 1) found.push(`${card.id} lies over the foot`);
    const what = "strong, b, p, .mk-marks, .mk-wall-free, .mk-wall-seats";
    for (const one of card.querySelectorAll(what)) {
      if (!one.checkVisibility() || !one.textContent.trim()) continue;
      const { left, right, top, bottom } = one.getBoundingClientRect();
      const outside = left < place.left || right > place.right || top < place.top || bottom > place.bottom + 1;
      const is_text = one.matches(".mk-wall-title, p");
      const cut = is_text && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 8);
      if (outside || cut) found.push(`${card.id}: "${one.textContent.trim()}" is cut`);
    }
  }
  const legend = [...document.querySelectorAll(".mk-wall-foot .legend li")];
  const lines = new Set(legend.map((one) => Math.round(one.getBoundingClientRect().top)));
  if (lines.size > 1) found.push(`the legend has ${lines.size} lines`);
  for (const one of document.querySelectorAll(".mk-wall-foot > *")) {
    const { right, height } = one.getBoundingClientRect();
    if (right > foot.right + 1 || height > 104) found.push(`the foot's "${one.textContent.trim()}" is ${height} px high and ends at ${right}`);
  }
  return found;
}"""

LONG = ("Case di quartiere e portinerie sociali", "Neighbourhood centres and social concierges")
THIRD = {"id": "third_sector", "name": {"it": "Terzo settore", "en": "Third sector"}}


def many(count: int) -> list[dict[str, Any]]:
    titles = [*zip(TITLES["it"], TITLES["en"], strict=True), LONG]
    return [
        {"id": f"s{n}", "title": {"it": titles[n % 9][0], "en": titles[n % 9][1]}, "capacity": 6 if n % 2 else 12}
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [2, 6, 8, 12, 13, 30])
async def test_every_stall_is_whole_on_the_wall_whatever_their_number(glass: Glass, count: int) -> None:
    made = plan(market(stalls=many(count)), talk())
    await glass.day.begins({**made, "groups": [*made["groups"], THIRD]})
    await says(glass, "open_stage", None, stage="m")
    groups = [*GROUPS, "third_sector", None]
    badges = [(await glass.day.badge(groups[n % 4], f"Persona {n:02d}"))["badge"] for n in range(2 * min(count, 12))]
    for n, badge in enumerate(badges):
        await says(glass, "wish", "m", badge, stall=f"s{n % count}", level=3)
    device = await glass.device("wall")
    wall = await glass.page(device, "the wall")
    await wall.clock.install()
    await wall.goto(f"/wall/{glass.code}" + ("?lang=en" if count == 8 else ""))
    await live(wall)
    found: list[str] = []

    async def looks(state: str) -> None:
        await drawn(glass, wall)
        for page in range(2 if count > 24 else 1):
            await wall.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            found.extend(f"{state}, page {page + 1}: {one}" for one in await wall.evaluate(WALL))
            for theme in ("dark", "light"):
                await wears(wall, theme)
                await shot(wall, f"wall-{count}-{state}-{theme}-{page + 1}", whole=False)
            if count > 24 and page == 0:
                await wall.clock.fast_forward(16_000)
                await expect(wall.locator("[data-market-page-of]")).to_have_text("2 di 2")

    await looks("before")
    await published(glass)
    await says(glass, "start_round", "m")
    if count != 30:
        await looks("running")
        await says(glass, "circulate", "m", on=True)
        await looks("free")
    assert not found, "\n".join(found)
