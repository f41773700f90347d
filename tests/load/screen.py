"""A phone's own browser at a board: Chromium with a processor slowed down to that of a cheap phone."""

import asyncio
from collections.abc import Sequence
from typing import Any

from playwright.async_api import Error, async_playwright

from tests.browser import chromium
from tests.load.measures import LIMIT, NotMeasured
from tests.load.processes import all_cores

#: How many times slower than this machine the phone is.
SLOWER = 4
TIMES = 3

# Both moments are taken by the page itself, so that asking for them costs it nothing: the tap that sends the join form, and the first
# picture with a note (or none where there is none) on it and a field that takes text. The badge makes the second page another document
# of the same tab, so the first moment waits in the tab's storage.
_WATCH = """
document.addEventListener("submit", () => sessionStorage.setItem("tapped", Date.now()), true);
const isShown = (one) => one !== null && one.getClientRects().length > 0;
const look = () => {
  const field = document.querySelector("#cv-text");
  const list = document.querySelector(".cv-list");
  const ready = NOTE ? isShown(document.querySelector(".cv-list .cv-note .cv-text")) : list !== null;
  if (ready && isShown(field) && !field.disabled && !field.readOnly) window.usableAt = Date.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
_TOOK = 'window.usableAt ? window.usableAt - Number(sessionStorage.getItem("tapped")) : 0'


async def usable(url: str, code: str, note: bool = False, times: int = TIMES) -> Sequence[float]:
    """Milliseconds from the tap on "enter" until the board can be used, for each of some phones with an empty cache.

    note: whether a note must be on the screen too. Raises NotMeasured without a Chromium, and when a phone does not get there.
    """
    path = chromium.found()
    if path is None:
        raise NotMeasured(chromium.NO_CHROMIUM)
    # Slowing down the page's own thread keeps a whole core busy, and the browser's other parts need one too.
    with all_cores():
        return await _phones(path, url, code, note, times)


async def _phones(path: str, url: str, code: str, note: bool, times: int) -> Sequence[float]:
    found = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        try:
            for _ in range(times):
                found.append(await _comes(browser, url, code, note))
        except (Error, TimeoutError) as reason:
            raise NotMeasured(f"a phone did not get to the board: {reason!r}") from reason
        finally:
            await browser.close()
    return found


async def _comes(browser: Any, url: str, code: str, note: bool) -> float:
    context = await browser.new_context(
        base_url=url, locale="it-IT", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    try:
        context.set_default_timeout(LIMIT * 1000)
        await context.add_init_script(_WATCH.replace("NOTE", "true" if note else "false"))
        page = await context.new_page()
        slow = await context.new_cdp_session(page)
        await slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        await page.goto(f"/j/{code}", wait_until="networkidle")
        await page.locator('label[for="group-civil_servants"]').click()
        await page.locator(".quiet-foot button").click()
        await page.wait_for_url(f"**/s/{code}", wait_until="commit")
        async with asyncio.timeout(LIMIT):
            # Playwright's own waiting for a condition needs eval, and the policy of our pages knows none.
            while not (took := await page.evaluate(_TOOK)):
                await asyncio.sleep(0.1)
        return float(took)
    finally:
        await context.close()
