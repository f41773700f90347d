"""Real screens in a real browser: phones, desk and wall that write down everything a page of ours must never do."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from tests import people

expect.set_options(timeout=8_000)

DEMO = "includimi/sensitisation"

#: Every page says aloud what its policy stopped; a swallowed violation would look like a working page.
TELLS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""

SIZES = {"phone": (390, 844), "desk": (1440, 900), "wall": (1920, 1080)}


@dataclass
class Glass:
    """The screens of one test, and what they complained about."""

    browser: Browser
    day: people.Day
    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    #: Where the screens find the server, when that is not its own address.
    address: str = ""

    @property
    def url(self) -> str:
        return self.address or self.day.url

    @property
    def code(self) -> str:
        return self.day.code

    async def device(self, screen: str = "phone", language: str = "it", **more: Any) -> BrowserContext:
        """A browser of somebody: its own cookies, its own storage."""
        width, height = SIZES[screen]
        made = await self.browser.new_context(
            base_url=self.url,
            locale={"it": "it-IT", "en": "en-GB"}[language],
            viewport={"width": width, "height": height},
            has_touch=screen == "phone",
            reduced_motion=more.pop("reduced_motion", "reduce"),
            **more,
        )
        made.set_default_timeout(8_000)
        await made.add_init_script(TELLS)
        self.contexts.append(made)
        return made

    async def page(self, device: BrowserContext, name: str) -> Page:
        page = await device.new_page()

        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning", "assert"):
                self.complaints.append(f"{name}: {message.type}: {message.text} ({message.location.get('url', '')})")

        def request(asked: Request) -> None:
            where = urlsplit(asked.url)
            if where.scheme not in ("data", "blob") and where.netloc != urlsplit(self.url).netloc:
                self.complaints.append(f"{name}: a request to another host: {asked.url}")

        page.on("console", console)
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: page error: {error}"))
        page.on("request", request)
        page.on("dialog", lambda dialog: self.complaints.append(f"{name}: a browser dialog: {dialog.message}"))
        return page

    def allows(self, pattern: str) -> None:
        """From here on a complaint with this pattern is what the test itself has brought about."""
        self.allowed.append(pattern)

    def is_clean(self) -> None:
        left = [one for one in self.complaints if not any(re.search(pattern, one) for pattern in self.allowed)]
        assert not left, "\n".join(left)

    async def closes(self) -> None:
        for context in self.contexts:
            await context.close()

    # -- who looks ----------------------------------------------------------------------------------------------

    async def seat(self, device: BrowserContext, name: str, group: str | None = None, language: str = "it") -> str:
        """Puts a badge into a phone without the join page; gives the person."""
        made = await self.day.badge(group, name, language)
        cookie = self.day.house.access.badge_cookie(self.code)
        await device.add_cookies([{"name": cookie, "value": made["badge"], "url": self.url}])
        return made["person"]

    async def phone(
        self, name: str = "Ada", group: str | None = "civil_servants", language: str = "it", **more: Any
    ) -> Page:
        device = await self.device("phone", language, **more)
        await self.seat(device, name, group, language)
        page = await self.page(device, name)
        await page.goto(f"/s/{self.code}")
        await live(page)
        return page

    async def key(self, device: BrowserContext) -> None:
        """Signs a facilitator's browser in, as the start link does."""
        access = self.day.house.access
        value = await access.sign_in(self.day.house.clock.now())
        await device.add_cookies([{"name": access.desk_cookie, "value": value, "url": self.url}])

    async def desk(self, language: str = "it", at: str | None = None, **more: Any) -> Page:
        device = await self.device("desk", language, **more)
        await self.key(device)
        page = await self.page(device, "the desk")
        await page.goto(at or f"/desk/{self.code}")
        if at is None:
            await live(page)
        return page

    async def wall(self, language: str = "it", **more: Any) -> Page:
        device = await self.device("wall", language, **more)
        page = await self.page(device, "the wall")
        await page.goto(f"/wall/{self.code}")
        await live(page)
        return page

    async def drawn(self, number: int, pages: list[Page]) -> None:
        """Waits until these screens have been sent, and have drawn, everything up to this fact."""
        screens = self.day.house.rooms.live[self.code].screens
        async with asyncio.timeout(8):
            while screens._dirty.shared or any(sent.number < number for sent in screens._sent.values()):
                await asyncio.sleep(0.02)
        settled = "async () => (await fetch('/healthz')).ok && new Promise((done) => setTimeout(done, 60))"
        await asyncio.gather(*(page.evaluate(settled) for page in pages))

    async def facts(self, kind: str) -> list[dict[str, Any]]:
        return [fact for fact in await self.day.facts() if fact["kind"] == kind]


async def live(page: Page) -> None:
    """Waits until the line of a screen is open and everything typed is kept."""
    await expect(page.locator("body")).to_have_attribute("data-line", "live")


async def box(place: Locator) -> dict[str, float]:
    """Where something that must be visible lies on the screen."""
    found = await place.bounding_box()
    assert found is not None, f"{place} is not on the screen"
    return dict(found)  # type: ignore[arg-type]


# -- what hands do ------------------------------------------------------------------------------------------------

#: fields.js takes a second press of one button within 400 ms for a double tap, whatever the button has become.
DOUBLE_TAP = 0.42
_pressed: dict[int, float] = {}


async def press(page: Page, what: str | Locator) -> None:
    """One deliberate press of a visible control."""
    place = page.locator(what) if isinstance(what, str) else what
    rest = _pressed.get(id(page), 0) + DOUBLE_TAP - time.monotonic()
    if rest > 0:
        await asyncio.sleep(rest)
    await place.click()
    _pressed[id(page)] = time.monotonic()


async def agree(desk: Page) -> None:
    """Goes on past the desk's question; the safe answer has the focus until then."""
    dialog = desk.locator("dialog.confirm")
    await expect(dialog.locator("button").first).to_be_focused()
    await dialog.locator("button").last.click()
    await expect(dialog).to_have_count(0)


async def arrange(phone: Page, order: list[str]) -> None:
    """Brings an order list into this order by its own buttons."""
    items = phone.locator("#now [data-order] > [data-key]")
    for place, key in enumerate(order):
        for _ in range(20):
            now = await items.evaluate_all("all => all.map((one) => one.dataset.key)")
            if now.index(key) == place:
                break
            await items.nth(now.index(key)).locator('[data-move="up"]').click()
        else:
            raise AssertionError(f"{key} did not come to place {place + 1}")


async def answer(phone: Page, question: dict[str, Any], value: Any) -> None:
    """Answers the open question by its own controls, and waits until the phone says that it is kept."""
    form = phone.locator('#now form[data-do="answer"]')
    kind = question["kind"]
    if kind in ("choice", "yes_no", "scale"):
        await form.locator(f'label[data-option="{value}"]').click()
    elif kind in ("ranking", "order"):
        await arrange(phone, value)
    elif kind == "points":
        for key, points in value.items():
            for _ in range(points // question["step"]):
                await form.locator(f'[data-stepper][data-key="{key}"] [data-step-by="{question["step"]}"]').click()
    elif kind in ("number", "typed"):
        await form.locator("input").fill(value)
    elif kind == "match":
        for pair, target in value.items():
            await form.locator(f'select[data-key="{pair}"]').select_option(target)
    if kind not in ("choice", "yes_no", "scale"):
        await press(phone, form.locator("button.is-primary"))
    await expect(form).to_have_attribute("data-state", "kept")
    await expect(phone.locator("#receipt")).to_have_attribute("data-state", "kept")
