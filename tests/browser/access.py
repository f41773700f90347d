"""Questions about access that are asked of a loaded page, again and again: axe, width, targets, focus."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

#: What a theme can change; all other rules look at the same page twice.
COLOURS = ["color-contrast", "link-in-text-block"]

RUN = """async (rules) => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.flatMap((one) => one.nodes.map((node) =>
    `${one.id} ${node.target.join(" ")} ${node.any.concat(node.all, node.none).map((why) => why.message).join("; ")}`));
}"""

SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

SMALL = """(least) => {
  const found = [];
  const what = "button, a[href], summary, select, input:not([type=hidden], .unseen), textarea, label:has(input.unseen)";
  for (const one of document.querySelectorAll(what)) {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.closest("[inert], dialog:not([open])")) continue;
    const { width, height } = one.getBoundingClientRect();
    if (width < least - 0.5 || height < least - 0.5)
      found.push([one.localName, (one.ariaLabel || one.textContent || one.id).trim(), width, height].join(" "));
  }
  return found;
}"""

# every word a third longer, as a translation may be; measured, then put back before anybody else looks
GROWN = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const before = [];
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim() || node.parentElement.closest("script, style, template")) continue;
    before.push([node, node.data]);
    node.data = node.data.replace(/\\p{L}{2,}/gu, (word) => word + "e".repeat(Math.ceil(word.length * 0.3)));
  }
  const root = document.documentElement;
  const over = root.scrollWidth - root.clientWidth;
  const wide = over <= 0 ? [] : [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && !one.closest(".unseen"))
    .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
    .slice(0, 5).map((one) => `${one.localName}.${one.getAttribute("class")} ${one.textContent.trim().slice(0, 30)}`);
  for (const [node, text] of before) node.data = text;
  return { over, wide };
}"""

WHERE = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return { name: "nothing", seen: true };
  const mine = one.labels?.[0] && one.classList.contains("unseen") ? one.labels[0] : one;
  const box = mine.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 20)];
  const top = document.elementFromPoint(x, y);
  return {
    name: `${one.localName} ${(one.ariaLabel || mine.textContent || one.id).trim().slice(0, 40)}`,
    seen: Boolean(top) && (mine.contains(top) || top.contains(mine)),
  };
}"""


async def axe(page: Page, rules: list[str]) -> list[str]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    found: list[str] = await page.evaluate(RUN, {"type": "rule" if rules is COLOURS else "tag", "values": rules})
    return found


async def audit(
    page: Page, name: str, widths: tuple[int, ...], themes: tuple[str, ...] = ("light", "dark"), least: int = 0
) -> list[str]:
    """What is wrong with the page as it stands, at each width and in each theme, in one line each."""
    found: list[str] = []
    size = page.viewport_size or {"width": 390, "height": 844}
    for width in widths:
        await page.set_viewport_size({"width": width, "height": size["height"]})
        await page.evaluate(SETTLED)
        over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found.append(f"{name} at {width}: {over} px wider than the screen")
        if width == 320:
            grown: dict[str, Any] = await page.evaluate(GROWN)
            if grown["over"] > 0:
                found.append(f"{name} at 320 with longer words: {grown['over']} px too wide: {grown['wide']}")
        if least:
            found += [f"{name} at {width}: small target: {one}" for one in await page.evaluate(SMALL, least)]
        for theme in themes:
            await wears(page, theme)
            rules = RULES if theme == themes[0] else COLOURS
            found += [f"{name} at {width}, {theme}: {one}" for one in await axe(page, rules)]
    await wears(page, themes[0])
    await page.set_viewport_size(size)
    return found


async def wears(page: Page, theme: str) -> None:
    """The theme as the person's system asks for it; on a wall as the key D gives it."""
    if await page.evaluate("document.documentElement.hasAttribute('data-theme')"):
        await page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
    else:
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    await page.evaluate(SETTLED)


async def tab_to(page: Page, what: str, backwards: bool = False) -> None:
    """Reaches a control by Tab alone; every stop on the way must be visible."""
    passed: list[str] = []
    for _ in range(80):
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
        here: dict[str, Any] = await page.evaluate(WHERE)
        passed.append(here["name"])
        assert here["seen"], f"the focus is hidden at {here['name']}"
        if await page.evaluate("(what) => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"Tab never came to {what}; it passed {passed}")


async def all_of(*audits: Any) -> list[str]:
    return [one for some in await asyncio.gather(*audits) for one in some]
