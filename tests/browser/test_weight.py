"""What a phone has to load, and what no file of ours may say: weights, hosts, htmx 2 spellings, faint colours."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Request, expect

from tests.browser.glass import DEMO, Glass, live, press

PROJECT = Path(__file__).resolve().parents[2]
STATIC = PROJECT / "static"
KB = 1000

TEMPLATES = sorted((PROJECT / "server").rglob("*.html"))
SCRIPTS = [path for path in sorted(STATIC.rglob("*.js")) if path.parent.name != "vendor"]
STYLES = sorted(STATIC.rglob("*.css"))


class Scale:
    """What a page asks for, and how much of it came over the net; from the browser's own store it is 0."""

    def __init__(self, page: Page) -> None:
        self.asked: list[Request] = []
        page.on("requestfinished", lambda request: self.asked.append(request))

    async def weights(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for request in self.asked:
            path = re.sub(r"^/static/\w+/", "", urlsplit(request.url).path)
            found[path] = found.get(path, 0) + max(0, (await request.sizes())["responseBodySize"])
        return {path: size for path, size in found.items() if size}


@pytest.mark.asyncio(loop_scope="session")
async def test_a_phone_comes_in_with_at_most_70_kb_and_8_requests_a_page(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    desk = await glass.desk()
    await press(desk, "#dock .next")
    await expect(desk.locator("#place h1")).to_have_text("Si comincia")
    # over plain http on the room's net there is no wake lock, so a phone never asks for awake.js
    device = await glass.device()
    await device.add_init_script("delete Navigator.prototype.wakeLock;")
    phone = await glass.page(device, "Ada")
    scale = Scale(phone)
    await phone.goto(f"/j/{glass.code}", wait_until="networkidle")
    door = await scale.weights()
    await phone.locator('label[for="group-civil_servants"]').click()
    await phone.locator(".quiet-foot button").click()
    await live(phone)
    await expect(phone.locator("time-ruler [data-remaining]")).to_be_visible()
    await phone.wait_for_load_state("networkidle")
    both = await scale.weights()

    assert sum(both.values()) <= 70 * KB, both
    assert len(door) <= 8, door
    assert len(both.keys() - door.keys()) <= 8, both
    for request in scale.asked:
        answer = await request.response()
        if answer is not None and re.search(r"\.(js|css|svg)$", request.url):
            assert answer.headers["content-encoding"] == "gzip", request.url
            assert "immutable" in answer.headers["cache-control"], request.url
    blocking = await phone.evaluate(
        """() => [...document.querySelectorAll(
          "head link[rel=stylesheet], head script[src]:not([defer], [async], [type=module])",
        )].map((one) => one.href || one.src)"""
    )
    assert len(blocking) + 1 <= 3, f"the page itself and {blocking}"


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("screen", ["wall", "desk"])
async def test_a_big_screen_comes_with_at_most_150_kb(glass: Glass, screen: str) -> None:
    await glass.day.begins(DEMO)
    device = await glass.device(screen)
    await glass.key(device)
    page = await glass.page(device, screen)
    scale = Scale(page)
    await page.goto(f"/{screen}/{glass.code}", wait_until="networkidle")
    await live(page)
    weights = await scale.weights()
    assert sum(weights.values()) <= 150 * KB, weights


def test_every_vendored_file_is_the_one_in_the_manifest() -> None:
    for entry in json.loads((STATIC / "vendor" / "MANIFEST.json").read_text("utf-8"))["files"]:
        assert hashlib.sha256((STATIC / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]
        assert (STATIC / entry["licence_file"]).exists()
    htmx = (STATIC / "vendor" / "htmx.min.js").read_text("utf-8")
    assert "4.0.1" in htmx


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *STYLES], ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_file_of_ours_names_another_host_or_speaks_htmx_2(path: Path) -> None:
    text = path.read_text("utf-8")
    said = re.sub(r"/\*.*?\*/|\{#.*?#\}|(?m:^\s*//.*$)", "", text, flags=re.S)
    hosts = re.findall(r"""(?:https?:)?//(?!\$)[\w-]+\.[\w.-]+""", said)
    assert not hosts, hosts
    for spelling in (
        r"hx-on\b", r"\bjs:", r"hx-ext\b", r"ws-connect", r"sse-connect", r"hx-vars", r"hx-disinherit", r"data-hx-",
        r"htmx:[a-z]+[A-Z]", r"htmx\.defineExtension", r"\bautofocus(?==|>| )", r"<[^>]+\sstyle\s*=",
        r"<[^>]+\son[a-z]+\s*=",
    ):  # fmt: skip
        assert not re.search(spelling, said), spelling
    if path.suffix == ".js":
        for sink in (r"\beval\(", r"new Function\(", r"\.innerHTML\s*=", r"insertAdjacentHTML", r"document\.write"):
            assert not re.search(sink, said), sink


def test_activities_bring_no_htmx_and_no_script_of_their_own_into_a_stage() -> None:
    for path in sorted((PROJECT / "server" / "activities").rglob("*.html")):
        text = path.read_text("utf-8")
        assert not re.search(r"\shx-(?!ignore)", text), path
        assert "<script" not in text, path


# -- colours ----------------------------------------------------------------------------------------------------------


def tokens() -> dict[str, tuple[str, str]]:
    """The colour tokens of app.css, light and dark."""
    text = (STATIC / "app.css").read_text("utf-8")
    found: dict[str, tuple[str, str]] = {}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", text):
        found[name] = (light, dark)
    for name, other in re.findall(r"--(g\d): var\(--(\w)\)", text):
        found[name] = found[other]
    return found


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


#: Ink, the ground it stands on, and the ratio the look was drawn with, in light and in dark.
TABLE = [
    ("ink", "ground", 13.13, 17.57),
    ("ink", "tint", 12.18, 15.01),
    ("ink", "tint2", 11.38, 12.09),
    ("ink2", "ground", 7.03, 11.77),
    ("ink2", "tint", 6.52, 10.06),
    ("ink2", "off", 5.94, 8.10),
    ("ink3", "ground", 5.18, 7.89),
    ("ink3", "tint", 4.81, 6.74),
    ("edge", "ground", 3.78, 5.39),
    ("edge", "tint", 3.51, 4.61),
    ("accent", "ground", 5.57, 9.60),
    ("accent", "tint", 5.17, 8.20),
    ("on-accent", "accent", 5.57, 9.60),
    ("accent2", "ground", 8.33, 12.73),
    ("ok", "ground", 5.38, 10.45),
    ("ok", "tint", 4.99, 8.93),
    ("warn", "ground", 5.40, 12.19),
    ("warn", "tint", 5.02, 10.42),
    ("bad", "ground", 5.06, 9.37),
    ("bad", "tint", 4.70, 8.01),
    ("on-ok", "ok-strip", 9.07, 8.05),
    ("on-warn", "warn-strip", 7.55, 9.35),
    ("on-bad", "bad-strip", 6.96, 8.05),
    *[(letter, "ground", light, dark) for letter, light, dark in (
        ("a", 5.57, 9.6), ("b", 5.38, 10.4), ("c", 5.06, 9.4), ("d", 5.40, 12.2), ("e", 6.51, 9.3), ("f", 5.63, 10.5))],
    *[(letter, "tint", light, None) for letter, light in (
        ("a", 5.17), ("b", 4.99), ("c", 4.70), ("d", 5.02), ("e", 6.04), ("f", 5.22))],
]  # fmt: skip


@pytest.mark.parametrize(("ink", "ground", "light", "dark"), TABLE)
def test_every_colour_is_as_readable_as_it_was_drawn(ink: str, ground: str, light: float, dark: float | None) -> None:
    known = tokens()
    for theme, drawn in enumerate((light, dark)):
        found = contrast(known[ink][theme], known[ground][theme])
        assert found >= (3.0 if ink == "edge" else 4.5)
        assert drawn is None or found == pytest.approx(drawn, abs=0.06)


def test_letters_stand_readably_in_every_shape_and_groups_look_equally_strong() -> None:
    known = tokens()
    for theme in (0, 1):
        for shape in "abcdef":
            assert contrast(known["on-answer"][theme], known[shape][theme]) >= 4.5
    assert contrast(known["g1"][0], known["g2"][0]) < 1.2
