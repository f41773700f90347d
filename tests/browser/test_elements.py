"""Each custom element alone on a page, with a line that only writes down what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.glass import box

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATIC = Path(__file__).resolve().parents[2] / "static"
ELEMENTS = sorted(path.stem for path in (STATIC / "elements").glob("*.js") if "-" in path.stem)
HERE = "http://elements.localhost"
NOON = 1_800_000_000_000

LINE = """
window.told = [];
export const now = () => Date.now();
export const say = (key, fields = {}) => [key, fields.n].filter((one) => one !== undefined).join(" ");
export const tell = (text, state = "") => window.told.push(text);
"""
WORDS = {"soon": "soon"}


@pytest_asyncio.fixture(loop_scope="session")
async def bench(browser: Browser) -> AsyncIterator[Page]:
    """A blank page that has our elements and no server."""
    context = await browser.new_context(viewport={"width": 1000, "height": 600})
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    async def serve(route: Route) -> None:
        path = route.request.url.removeprefix(HERE)
        if path == "/line.js":
            await route.fulfill(body=LINE, content_type="text/javascript")
        elif path.startswith("/elements/"):
            await route.fulfill(path=STATIC / path.lstrip("/"), content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html><title>bench</title><body></body>", content_type="text/html")

    await context.route(f"{HERE}/**", serve)
    await page.clock.install(time=NOON / 1000)
    await page.goto(f"{HERE}/")
    yield page
    await context.close()
    assert not errors


async def puts(page: Page, html: str) -> None:
    """Puts this on the page, with the elements in it at work."""
    await page.evaluate(
        """async ([html, names]) => {
          document.body.innerHTML = html;
          for (const name of names) if (document.querySelector(name)) await import(`/elements/${name}.js`);
        }""",
        [html, ELEMENTS],
    )


async def swapped(page: Page) -> None:
    await page.evaluate("document.dispatchEvent(new CustomEvent('line:swapped'))")


async def told(page: Page) -> list[str]:
    found: list[str] = await page.evaluate("window.told")
    return found


def ruler(seconds: int, **more: Any) -> str:
    """A running ruler that ends this many seconds from noon."""
    data = {"started": NOON, "ends": NOON + seconds * 1000, "minutes": 10, "running": 1, "spent": 0, **more}
    attributes = " ".join(f'data-{name}="{value}"' for name, value in data.items())
    return f'<time-ruler {attributes}><b data-remaining="clock"></b><svg><rect data-fill></rect></svg></time-ruler>'


async def test_every_element_has_its_test_here() -> None:
    assert ELEMENTS == ["copy-link", "screen-preview", "time-left", "time-ruler", "word-cloud"]


async def test_time_ruler_fills_turns_late_and_counts_on_after_the_end(bench: Page) -> None:
    await puts(bench, ruler(600))
    shown, element = bench.locator("[data-remaining]"), bench.locator("time-ruler")
    await expect(shown).to_have_text("10:00")
    await bench.clock.run_for(300_000)
    await expect(shown).to_have_text("05:00")
    await expect(bench.locator("[data-fill]")).to_have_attribute("width", "50.00%")
    await expect(element).not_to_have_class("is-late")
    await bench.clock.run_for(185_000)
    await expect(element).to_have_class("is-late")
    await bench.clock.run_for(90_000)
    await expect(element).to_have_class("is-late is-last-moment")
    await bench.clock.run_for(155_000)
    await expect(element).to_have_class("is-over")
    await expect(shown).to_have_text("+02:10")
    await expect(bench.locator("[data-fill]")).to_have_attribute("width", "100.00%")


async def test_time_ruler_stands_still_and_shows_whole_minutes_on_a_phone(bench: Page) -> None:
    await puts(bench, ruler(600, running=0, spent=150_000).replace('"clock"', '"minutes"'))
    await expect(bench.locator("[data-remaining]")).to_have_text("8 minutes")
    await bench.clock.run_for(60_000)
    await expect(bench.locator("[data-remaining]")).to_have_text("8 minutes")
    await bench.evaluate("document.querySelector('time-ruler').dataset.spent = 590000")
    await expect(bench.locator("[data-remaining]")).to_have_text("soon")


async def test_five_minutes_are_announced_four_times_and_never_between(bench: Page) -> None:
    await puts(bench, ruler(301) + ruler(301, quiet="") + f"<div inert>{ruler(301)}</div>")
    for _ in range(400):
        await bench.clock.run_for(1_000)
    assert await told(bench) == ["minutes_left 5", "minutes_left 1", "half_minute", "time_over"]


async def test_a_page_that_comes_late_does_not_catch_up_on_announcements(bench: Page) -> None:
    await puts(bench, ruler(250))
    await bench.clock.run_for(30_000)
    assert await told(bench) == []
    await bench.evaluate("document.querySelector('time-ruler').dataset.ends = Date.now() + 61000")
    await bench.clock.run_for(5_000)
    assert await told(bench) == ["minutes_left 1"]


async def test_time_left_counts_down_to_zero_and_is_empty_without_an_end(bench: Page) -> None:
    await puts(bench, f'<time-left data-ends="{NOON + 75_000}"></time-left><time-left id="none"></time-left>')
    shown = bench.locator("time-left").first
    await expect(shown).to_have_text("01:15")
    await bench.clock.run_for(74_100)
    await expect(shown).to_have_text("00:01")
    await bench.clock.run_for(1_000)
    await expect(shown).to_have_text("00:00")
    await expect(shown).to_have_class("is-over")
    await expect(bench.locator("#none")).to_have_text("")
    assert await told(bench) == []
    await bench.evaluate("document.querySelector('time-left').dataset.ends = Date.now() + 3_700_000")
    await expect(shown).to_have_text("1:01:40")


async def test_screen_preview_draws_a_whole_screen_small_and_out_of_use(bench: Page) -> None:
    await puts(
        bench,
        '<div id="frame"><screen-preview data-width="1920" data-height="1080"><div><button>no</button></div>'
        "</screen-preview></div>",
    )
    await bench.evaluate("document.getElementById('frame').style.width = '480px'")
    element = bench.locator("screen-preview")
    child = element.locator("> div")
    await expect(element).to_have_css("height", "270px")
    assert (await box(child))["width"] == pytest.approx(480, abs=1)
    assert await child.evaluate("(one) => one.inert")
    await child.evaluate("(one) => one.removeAttribute('style')")
    await swapped(bench)
    assert (await box(child))["width"] == pytest.approx(480, abs=1)


async def test_copy_link_copies_or_leaves_the_text_selected(bench: Page) -> None:
    await puts(
        bench,
        '<copy-link data-text="http://10.0.0.5:8000/j/K7FQXW"><b data-source>K7F</b><button>copy</button></copy-link>',
    )
    await bench.evaluate(
        """() => {
          window.copied = [];
          document.execCommand = () => {
            window.copied.push(getSelection().toString() || document.activeElement.value);
            return window.works;
          };
          Object.defineProperty(navigator, "clipboard", { value: undefined });
          window.works = true;
        }"""
    )
    await bench.locator("button").click()
    await bench.wait_for_function("window.told.length === 1")
    assert await told(bench) == ["copied"]
    assert await bench.evaluate("window.copied") == ["http://10.0.0.5:8000/j/K7FQXW"]
    await expect(bench.locator("textarea")).to_have_count(0)
    await expect(bench.locator("button")).to_be_focused()
    await bench.evaluate("window.works = false")
    await bench.locator("button").click()
    await bench.wait_for_function("getSelection().toString() === 'K7F'")
    assert await told(bench) == ["copied"]


CLOUD = """(words) => words.map(
  ([word, size]) => `<span data-word="${word}" data-size="${size}">${word}</span>`).join("")"""
BOXES = """() => Object.fromEntries([...document.querySelectorAll("[data-word]")].map((one) => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [one.dataset.word, { x, y, width, height, seen: getComputedStyle(one).visibility === "visible" }];
}))"""


async def test_word_cloud_places_every_word_inside_apart_and_leaves_old_ones_where_they_are(bench: Page) -> None:
    words = [(f"parola{n}", 28 + (n * 7) % 60) for n in range(30)]
    spans = await bench.evaluate(CLOUD, words)
    await puts(bench, f'<word-cloud id="cloud">{spans}</word-cloud>')
    await bench.evaluate(
        "Object.assign(document.getElementById('cloud').style, { display: 'block', width: '900px', height: '500px' })"
    )
    await bench.wait_for_function("[...document.querySelectorAll('[data-word]')].every((one) => one.style.left)")
    await expect(bench.locator("word-cloud")).to_have_attribute("aria-hidden", "true")
    boxes = await bench.evaluate(BOXES)
    frame = await box(bench.locator("word-cloud"))
    everyone = list(boxes.values())
    for n, one in enumerate(everyone):
        assert one["seen"]
        assert one["x"] >= frame["x"] - 1
        assert one["x"] + one["width"] <= frame["x"] + frame["width"] + 1
        assert one["y"] + one["height"] <= frame["y"] + frame["height"] + 1
        for other in everyone[:n]:
            assert (
                one["x"] + one["width"] <= other["x"] + 1
                or other["x"] + other["width"] <= one["x"] + 1
                or one["y"] + one["height"] <= other["y"] + 1
                or other["y"] + other["height"] <= one["y"] + 1
            )
    await bench.evaluate(
        """() => document.getElementById('cloud').insertAdjacentHTML(
             "beforeend", '<span data-word="nuova" data-size="28">nuova</span>')"""
    )
    await swapped(bench)
    after = await bench.evaluate(BOXES)
    assert after["nuova"]["seen"]
    assert {word: box for word, box in after.items() if word != "nuova"} == boxes


async def test_word_cloud_gets_smaller_rather_than_losing_words(bench: Page) -> None:
    spans = await bench.evaluate(CLOUD, [(f"collaborazione {n}", 96) for n in range(12)])
    await puts(bench, f'<word-cloud id="cloud">{spans}</word-cloud>')
    await bench.evaluate(
        "Object.assign(document.getElementById('cloud').style, { display: 'block', width: '700px', height: '300px' })"
    )
    await bench.wait_for_function(
        "[...document.querySelectorAll('[data-word]')].every((one) => one.style.visibility === 'visible')"
    )
    assert await bench.locator("[data-word]").first.evaluate("(one) => parseFloat(one.style.fontSize)") < 96
