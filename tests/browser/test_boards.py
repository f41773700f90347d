"""Boards as people use them: phones that write, read, group and vote, a desk that leads, a wall that shows; and bad nets.

OFFICINA_SHOTS names a folder that keeps a picture of every shipped board, to be looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, WebSocket, expect

from server.live import patches
from tests import people
from tests.browser.access import audit, tab_to
from tests.browser.glass import Glass, box, live, press
from tests.browser.net import Net, net
from tests.browser.test_the_net import BROKEN
from tests.people import plan, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = (360, 740)
CANARY = "canarino-di-carta-4711"


# -- the board and who looks at it --------------------------------------------------------------------------------


def canvas(board: str | dict[str, Any], **setup: Any) -> dict[str, Any]:
    title = {"it": "Lavagna", "en": "Board"}
    return {"id": "b", "activity": "canvas", "title": title, "minutes": 9, "setup": {"board": board, **setup}}


def two_zones(**of_both: Any) -> dict[str, Any]:
    """Two open zones beside each other."""
    zones: list[dict[str, Any]] = [
        {"key": "left", "role": "challenge", "title": {"it": "Sfide", "en": "Challenges"}, "at": [1, 1, 6, 8]},
        {"key": "right", "role": "action", "title": {"it": "Azioni", "en": "Actions"}, "at": [7, 1, 6, 8]},
    ]
    title = {"it": "Due zone", "en": "Two zones"}
    return {"key": "two", "title": title, "zones": [{**zone, **of_both} for zone in zones]}


async def says(glass: Glass, do: str, at: str | None = "b", badge: str | None = None, /, **having: Any) -> int:
    """What somebody does by the way without a socket; the facilitator when no badge is given."""
    body = {"id": f"{time.monotonic_ns():032x}", "stage": at, "do": do, "with": having}
    answer = await glass.day.api("POST", f"/api/sessions/{glass.code}/asks", badge or people.KEY, json=body)
    assert answer.status_code == 200, (do, answer.text)
    return int(answer.json()["number"])


async def opens(glass: Glass, board: str | dict[str, Any], **setup: Any) -> None:
    await glass.day.begins(plan(canvas(board, **setup), talk()))
    await says(glass, "open_stage", None, stage="b")


@dataclass
class Heard:
    """All frames that a page was sent and has sent."""

    down: list[str] = field(default_factory=list)
    up: list[str] = field(default_factory=list)

    def listens(self, page: Page) -> None:
        def opened(socket: WebSocket) -> None:
            socket.on("framereceived", lambda text: self.down.append(str(text)))
            socket.on("framesent", lambda text: self.up.append(str(text)))

        page.on("websocket", opened)

    def entries(self) -> list[dict[str, Any]]:
        frames = [json.loads(text) for text in self.down]
        return [entry for frame in frames if frame["t"] == "patch" for entry in frame["entries"]]


async def comes(glass: Glass, device: BrowserContext, name: str, where: str, heard: Heard | None = None) -> Page:
    page = await glass.page(device, name)
    if heard is not None:
        heard.listens(page)
    await page.goto(where)
    await live(page)
    return page


async def phone(
    glass: Glass,
    name: str = "Ada",
    group: str = "civil_servants",
    language: str = "it",
    size: tuple[int, int] = SMALL,
    heard: Heard | None = None,
) -> Page:
    device = await glass.device("phone", language)
    await glass.seat(device, name, group, language)
    page = await glass.page(device, name)
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    if heard is not None:
        heard.listens(page)
    await page.goto(f"/s/{glass.code}")
    await live(page)
    return page


async def desk_at(glass: Glass, language: str = "it", heard: Heard | None = None) -> Page:
    device = await glass.device("desk", language)
    await glass.key(device)
    page = await comes(glass, device, "the desk", f"/desk/{glass.code}", heard)
    await page.set_viewport_size({"width": 1280, "height": 900})
    return page


async def wall_at(glass: Glass, language: str = "it", heard: Heard | None = None) -> Page:
    device = await glass.device("wall", language)
    more = "" if language == "it" else f"?lang={language}"
    return await comes(glass, device, "the wall", f"/wall/{glass.code}{more}", heard)


# -- what hands do ------------------------------------------------------------------------------------------------


def notes(page: Page) -> Locator:
    return page.locator(".cv-note, .cv-card")


def note(page: Page, text: str) -> Locator:
    return notes(page).filter(has_text=text)


async def drawn(page: Page) -> None:
    """The board itself has come, after its page."""
    await expect(page.locator("#now canvas-board :is(.cv-tab, .cv-cell)").first).to_be_visible()


async def to_zone(page: Page, zone: str) -> None:
    await page.locator(f'.cv-tab[data-zone="{zone}"]').tap()
    await expect(page.locator(f'.cv-tab[data-zone="{zone}"]')).to_have_attribute("aria-selected", "true")


async def writes(page: Page, text: str) -> None:
    """One tap into the field, the text, one tap on send."""
    await page.locator("#cv-text").tap()
    await expect(page.locator("#cv-text")).to_be_focused()
    await page.keyboard.insert_text(text)
    await page.locator(".cv-composer button[type=submit]").tap()
    await expect(page.locator("#cv-text")).to_have_value("")
    await expect(note(page, text)).to_have_count(1)


async def is_kept(page: Page, *texts: str) -> None:
    for text in texts:
        await expect(note(page, text)).not_to_have_attribute("data-state", "waiting")
    await live(page)


async def does(page: Page, text: str, act: str) -> None:
    """Opens a note's menu and takes one of its lines."""
    await note(page, text).locator('[data-act="more"]').click()
    await page.locator(f'dialog.cv-sheet [data-act="{act}"]').first.click()


async def rewrites(page: Page, before: str, after: str) -> None:
    await does(page, before, "edit")
    field = page.locator("dialog.cv-sheet textarea")
    await expect(field).to_have_value(before)
    await field.fill(after)
    await page.locator("dialog.cv-sheet button[type=submit]").click()
    await expect(page.locator("dialog.cv-sheet")).to_have_count(0)


async def phase(desk: Page, key: str) -> None:
    """The next step of the board, by its button beside the agenda's."""
    await press(desk, f'#canvas-dock [data-act="phase"][data-phase="{key}"]')
    await expect(desk.locator(f'.cv-phases [data-phase="{key}"]')).to_have_attribute("aria-pressed", "true")


#: The board as this screen has it from the server. A desk also has previews of the other screens.
BASE = "document.querySelector('#now canvas-board').base"

STATE = """async () => {
  const board = document.querySelector("#now canvas-board");
  const own = `${location.origin}/api/sessions/${document.body.dataset.code}/view?screen=${board.screen}`;
  const language = board.screen === "phone" ? "" : `&lang=${document.body.dataset.lang}`;
  const [shared, mine] = await Promise.all([`${own}&own=0${language}`, own + language].map(
    async (address) => (await fetch(address, { credentials: "same-origin" })).json()));
  const { digest } = await import(new URL("board.js", new URL(board.dataset.module, location)));
  return { number: board.number, base: board.base, digest: digest(board.base), waiting: board.asks().length,
    mine: board.mine, of_server: shared, own_of_server: mine.mine ?? {} };
}"""


async def agrees(glass: Glass, *pages: Page) -> None:
    """Waits until each screen's own board is the server's: same number, same sum, same own part, nothing waiting."""
    number = (await glass.day.facts())[-1]["number"]
    for page in pages:
        async with asyncio.timeout(8):
            while True:
                found = await page.evaluate(STATE)
                if found["number"] >= number and not found["waiting"]:
                    break
                await asyncio.sleep(0.05)
        assert found["number"] == found["of_server"]["number"] == number
        view = found["of_server"]["stage"]["view"]
        assert found["base"] == view
        assert found["digest"] == patches.digest(view)
        if found["own_of_server"]:
            assert found["mine"] == found["own_of_server"]


async def kept_notes(glass: Glass) -> list[str]:
    return [fact["body"]["text"] for fact in await glass.facts("note_added")]


# -- the story ----------------------------------------------------------------------------------------------------


async def crowd(glass: Glass, each: int) -> dict[str, list[str]]:
    """More people without a screen, by group: their badges."""
    groups = ("civil_servants", "social_innovators")
    return {
        group: [(await glass.day.badge(group, f"{group[:6]} {n}"))["badge"] for n in range(each)] for group in groups
    }


#: All that a screen may learn of a round while people vote in it.
OPEN_ROUND = {"target", "zones", "dots", "max_on_one", "voters", "open", "voted", "left"}


def no_count_was_told(heard: Heard, began: int) -> None:
    for text in heard.down[began:]:
        assert '"tally"' not in text and "&#34;tally" not in text and "cv-rank" not in text
    rounds = [one for entry in heard.entries() for one in entry.get("set", {}).get("rounds", {}).values()]
    assert rounds and all(one.keys() <= OPEN_ROUND for one in rounds)


async def test_a_room_writes_in_private_reveals_edits_groups_votes_and_drafts_an_idea(glass: Glass) -> None:
    heard = {name: Heard() for name in ("ada", "bruno", "desk", "wall")}
    await glass.day.begins(plan(canvas("torino_chain"), talk()))
    desk = await desk_at(glass, heard=heard["desk"])
    wall = await wall_at(glass, heard=heard["wall"])
    ada = await phone(glass, heard=heard["ada"])
    bruno = await phone(glass, "Bruno", "social_innovators", "en", heard=heard["bruno"])
    await press(desk, "#dock .next")
    everybody = (ada, bruno, desk, wall)

    # in private
    for page, texts in ((ada, ("Case vuote in centro", "Bandi troppo lunghi")), (bruno, ("Nobody answers", CANARY))):
        for text in texts:
            await writes(page, text)
        await is_kept(page, *texts)
        await expect(notes(page)).to_have_count(2)
        await expect(note(page, texts[0]).locator(".cv-state.is-ok")).to_be_visible()
    for page in (ada, bruno):
        await expect(page.locator(".cv-others strong")).to_contain_text("2")
    await expect(wall.locator('[data-cell="challenges"] .cv-secret strong')).to_have_text("4")
    await expect(desk.locator('[data-cell="challenges"] .cv-signs-line b')).to_have_text("4 note")
    for page in (wall, desk):
        await expect(notes(page)).to_have_count(0)
    for name in ("ada", "desk", "wall"):
        assert CANARY not in "".join(heard[name].down), f"{name} was sent what is hidden"

    # reveal, edit
    await phase(desk, "reveal")
    for page in everybody:
        await expect(notes(page)).to_have_count(4)
        await expect(note(page, CANARY)).to_be_visible()
    await rewrites(ada, "Case vuote in centro", "Case vuote da anni in centro")
    for page in everybody:
        await expect(note(page, "Case vuote da anni in centro")).to_be_visible()

    # group
    await phase(desk, "group")
    await bruno.locator('[data-act="gather"]').tap()
    for text in ("Case vuote da anni", "Nobody answers"):
        await note(bruno, text).locator('[data-act="pick"]').tap()
    await bruno.locator("#cv-title").fill("Housing")
    await bruno.locator(".cv-gathering button[type=submit]").tap()
    for page in (ada, bruno, desk):
        await expect(page.locator(".cv-group")).to_have_count(1)
        await expect(page.locator(".cv-group")).to_contain_text("Housing")
    await expect(wall.locator(".cv-card.is-cluster")).to_contain_text("Housing")

    # vote, with five of each group
    more = await crowd(glass, 4)
    await phase(desk, "connect")
    await phase(desk, "vote")
    began = {name: len(one.down) for name, one in heard.items()}
    await desk.locator("#cv-vote summary").click()
    await desk.locator('#cv-vote input[value="groups"]').check()
    for zone in ("obstacles", "overcome", "actions"):
        await desk.locator(f'#cv-vote input[name="zones"][value="{zone}"]').uncheck()
    await desk.locator("#cv-vote button[type=submit]").click()
    for page, dots in ((ada, 3), (bruno, 1)):
        place = page.locator(".cv-group > header .cv-stepper")
        for n in range(dots):
            await place.locator('[data-by="1"]').tap()
            await expect(place.locator("output")).to_have_text(str(n + 1))
    other = note(bruno, CANARY).locator('[data-by="1"]')
    await other.tap()
    await expect(bruno.locator(".cv-vote h2")).to_contain_text("1")
    await note(bruno, CANARY).locator('[data-by="-1"]').tap()
    await expect(bruno.locator(".cv-vote h2")).to_contain_text("2")
    await live(bruno)
    base = await ada.evaluate(BASE)
    [(round_id, round_)], [group_id] = base["rounds"].items(), base["groups"]
    single = next(id for id, one in base["notes"].items() if one["text"] == CANARY)
    for target, badges in ((group_id, more["civil_servants"]), (single, more["social_innovators"])):
        for badge in badges:
            await says(glass, "place_dots", "b", badge, round=round_id, target=target, dots=2)
    await expect(wall.locator(".cv-figure strong")).to_have_text("10")
    await expect(desk.locator(".cv-banner.is-vote strong")).to_contain_text("10")
    assert round_["target"] == "groups"
    for page in everybody:
        assert await page.locator(".cv-rank, .cv-wall [data-mode=result]").count() == 0
        await expect(page.locator(".cv-chip", has_text="punt")).to_have_count(0)
    for name, one in heard.items():
        no_count_was_told(one, began[name])
    await press(desk, '#canvas-dock [data-act="close_vote"]')
    for page in (wall, desk):
        first = page.locator(".cv-rank li").first
        await expect(first).to_contain_text("Housing")
        await expect(first.locator(".cv-total")).to_have_text("12 punti")
        # 11 of 11 dots of the civil servants, 1 of 9 of the social innovators
        await expect(first.locator(".bar-number")).to_have_text(["100%", "11%"])

    # an idea
    await phase(desk, "decide")
    await desk.locator('[data-act="group_more"]').click()
    await desk.locator('dialog.cv-sheet [data-act="draft_group"]').click()
    await expect(desk.locator("dialog.cv-sheet input")).to_have_value("Housing")
    await desk.locator("dialog.cv-sheet input").fill("Un’agenzia per la casa")
    await desk.keyboard.press("Enter")
    for page in everybody:
        await expect(page.locator(".cv-chip.is-draft").first).to_be_visible()
    drafted = await glass.facts("idea_drafted")
    assert len(drafted) == 1 and drafted[0]["body"]["fields"]["title"] == "Un’agenzia per la casa"

    await agrees(glass, *everybody)
    assert len(await kept_notes(glass)) == 4


# -- nothing of a hidden note -------------------------------------------------------------------------------------

STORED = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"


async def test_a_hidden_note_is_in_no_frame_page_or_storage_of_anybody_else(glass: Glass) -> None:
    await opens(glass, two_zones(visible="own"))
    said: dict[str, list[str]] = {}

    def reads(page: Page, name: str) -> None:
        async def body(answer: Any) -> None:
            if answer.request.resource_type in ("document", "fetch", "xhr") and answer.ok:
                said[name].append(await answer.text())

        said[name] = []
        page.on("response", body)

    heard = {name: Heard() for name in ("bruno", "desk", "wall")}
    bruno = await phone(glass, "Bruno", "social_innovators", heard=heard["bruno"])
    desk, wall = await desk_at(glass, heard=heard["desk"]), await wall_at(glass, heard=heard["wall"])
    others = {"bruno": bruno, "desk": desk, "wall": wall}
    for name, page in others.items():
        reads(page, name)
    ada = await phone(glass)
    await writes(ada, CANARY)
    await is_kept(ada, CANARY)
    await expect(bruno.locator(".cv-others strong")).to_contain_text("1")
    await expect(wall.locator(".cv-secret strong").first).to_have_text("1")
    for page in others.values():
        await page.reload()
        await live(page)
        await expect(
            page.locator("#now canvas-board :is(.cv-others, .cv-secret, .cv-signs-line)").first
        ).to_be_visible()
    await rewrites(ada, CANARY, f"{CANARY} due")
    await is_kept(ada, f"{CANARY} due")
    await agrees(glass, bruno, desk, wall)
    for name, page in others.items():
        assert len(heard[name].down) > 3 and said[name], name
        assert CANARY not in "".join(heard[name].down), f"in a frame of {name}"
        assert CANARY not in "".join(said[name]), f"in a page of {name}"
        assert CANARY not in await page.content(), f"in the page of {name}"
        assert CANARY not in await page.evaluate("JSON.stringify(document.querySelector('#now canvas-board').base)")
        assert CANARY not in await page.evaluate(STORED), f"in the storage of {name}"
    assert CANARY not in await ada.evaluate(STORED), "what is kept is not left lying on the phone"
    await says(glass, "show_zone", zone="left", to="all")
    for page in others.values():
        await expect(note(page, f"{CANARY} due")).to_be_visible()


# -- two people in one note ---------------------------------------------------------------------------------------


async def test_two_people_in_one_note_are_told_and_their_texts_are_joined_or_both_stay(glass: Glass) -> None:
    await opens(glass, two_zones(may={"edit": "everyone"}))
    ada = await phone(glass)
    bruno = await phone(glass, "Bruno", "social_innovators", "en")
    first = "Gli orari di apertura degli sportelli del Comune sono troppo corti per chi lavora"
    await writes(ada, first)
    await expect(note(bruno, first)).to_be_visible()

    async def both_edit(before: str, of_ada: str, of_bruno: str) -> None:
        for page in (ada, bruno):
            await does(page, before, "edit")
            await expect(page.locator("dialog.cv-sheet textarea")).to_have_value(before)
        for page, text in ((ada, of_ada), (bruno, of_bruno)):
            await page.locator("dialog.cv-sheet textarea").fill(text)
            number = len(await glass.day.facts())
            await page.locator("dialog.cv-sheet button[type=submit]").click()
            async with asyncio.timeout(8):
                while len(await glass.day.facts()) == number:
                    await asyncio.sleep(0.02)

    # somebody is writing, and then nobody is
    await does(ada, first, "edit")
    await expect(note(bruno, first).locator(".cv-state")).to_contain_text("Somebody is writing")
    await expect(note(ada, first).locator(".cv-state")).not_to_contain_text("scrivendo")
    await ada.locator("dialog.cv-sheet .cv-close").click()
    await expect(note(bruno, first).locator(".cv-state")).to_have_count(0)

    # far apart
    joined = first.replace("orari", "orari estivi").replace("lavora", "lavora di giorno")
    await both_edit(first, first.replace("orari", "orari estivi"), first.replace("lavora", "lavora di giorno"))
    for page in (ada, bruno):
        await expect(notes(page)).to_have_count(1)
        await expect(notes(page).locator(".cv-text")).to_have_text(joined)
    assert [fact["body"]["merged"] for fact in await glass.facts("text_changed")] == [False, True]

    # touching: the first stays, then the other, then both
    now = joined
    for n, (keep, stay) in enumerate({"note": 1, "variant": 1, "both": 2}.items()):
        texts = [now.replace("corti", f"{word} {n}") for word in ("brevi", "stretti")]
        texts = [text.replace(f"{n - 1} {n}", str(n)) for text in texts]
        await both_edit(now, *texts)
        for page in (ada, bruno):
            await expect(notes(page)).to_have_count(1)
            await expect(notes(page).locator(".cv-page")).to_have_count(2)
            await expect(notes(page).locator(".cv-text")).to_have_text(texts)
        await expect(notes(ada).locator('[data-act="settle"]')).to_have_count(3)
        await notes(bruno).locator(f'[data-act="settle"][data-keep="{keep}"]').tap()
        kept = {"note": texts[:1], "variant": texts[1:], "both": texts}[keep]
        for page in (ada, bruno):
            await expect(notes(page)).to_have_count(stay)
            await expect(notes(page).locator(".cv-text")).to_have_text(kept)
        now = kept[0].replace("brevi", "corti").replace("stretti", "corti")
        if keep != "both":
            await rewrites(ada, kept[0], now)
            await expect(notes(bruno).locator(".cv-text")).to_have_text(now)
    await agrees(glass, ada, bruno)


# -- bad nets -----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def between(glass: Glass) -> AsyncIterator[Net]:
    """The net between this test's screens and its server; the facilitator's asks go round it."""
    async with net(int(glass.day.url.rsplit(":", 1)[1])) as made:
        glass.address = made.url
        glass.allows(BROKEN)
        yield made


async def test_notes_written_offline_wait_and_come_once_and_what_was_deleted_meanwhile_stays_away(
    glass: Glass, between: Net
) -> None:
    await opens(glass, two_zones())
    ada = await phone(glass)
    bruno = await phone(glass, "Bruno", "social_innovators")
    await writes(ada, "da spostare")
    await is_kept(ada, "da spostare")
    [id] = [fact["body"]["note"] for fact in await glass.facts("note_added")]
    between.cut()
    texts = ["prima senza rete", "seconda senza rete", "terza senza rete"]
    for text in texts:
        await writes(ada, text)
        await expect(note(ada, text)).to_have_attribute("data-state", "waiting")
        await expect(note(ada, text)).to_contain_text("In attesa, al sicuro sul telefono")
    await does(ada, "da spostare", "move")
    await ada.locator('dialog.cv-sheet [data-zone="right"]').tap()
    await to_zone(ada, "right")
    await expect(note(ada, "da spostare")).to_have_attribute("data-state", "waiting")
    await expect(ada.locator("#line")).to_contain_text("4")
    await says(glass, "delete_note", note=id, base=1)
    assert await kept_notes(glass) == ["da spostare"]
    between.mends()
    await expect(ada.locator(".cv-refusal")).to_contain_text("Questa nota non c’è più.", timeout=15_000)
    await live(ada)
    await expect(notes(ada)).to_have_count(0)
    await to_zone(ada, "left")
    for page in (ada, bruno):
        await expect(notes(page).locator(".cv-text")).to_have_text(texts)
    await expect(ada.locator('[data-state="waiting"]:is(.cv-note)')).to_have_count(0)
    await ada.reload()
    await live(ada)
    await expect(notes(ada).locator(".cv-text")).to_have_text(texts)
    assert sorted(await kept_notes(glass)) == sorted(["da spostare", *texts])
    assert not await glass.facts("note_moved")
    await agrees(glass, ada, bruno)


async def pasted(page: Page, text: str) -> None:
    """What was copied can be pasted into the composer; the clipboard takes its time."""
    field = page.locator("#cv-text")
    async with asyncio.timeout(8):
        while await field.input_value() != text:
            await field.fill("")
            await field.focus()
            await page.keyboard.press("Control+V")
            await asyncio.sleep(0.1)
    await field.fill("")


async def test_a_field_to_write_in_comes_only_with_the_board(glass: Glass) -> None:
    """Before, nobody knows in which zone a note would be, and it would be refused with its text."""
    await opens(glass, two_zones())
    device = await glass.device("phone")
    await glass.seat(device, "Ada", "civil_servants")
    page = await glass.page(device, "Ada")
    may_come = asyncio.Event()

    async def later(route: Any) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route("**/view?*", later)
    await page.goto(f"/s/{glass.code}")
    await live(page)
    await expect(page.locator(".cv-composer")).to_have_count(1)
    await expect(page.locator(".cv-composer")).to_be_hidden()
    may_come.set()
    await writes(page, "adesso sì")
    await is_kept(page, "adesso sì")
    assert await kept_notes(glass) == ["adesso sì"]


async def test_notes_for_a_zone_that_was_closed_meanwhile_are_all_given_back_with_their_texts(
    glass: Glass, between: Net
) -> None:
    """Also after the page was opened anew, also more of them than fit on the screen."""
    await opens(glass, two_zones())
    ada = await phone(glass)
    await drawn(ada)
    between.cut()
    texts = [f"nota numero {n} senza rete" for n in range(1, 8)]
    for text in texts:
        await writes(ada, text)
    await expect(note(ada, texts[-1])).to_have_attribute("data-state", "waiting")
    await says(glass, "close_zone", zone="left")
    between.mends()
    await expect(ada.locator(".cv-refused .cv-refusal").first).to_contain_text("La zona è chiusa", timeout=15_000)
    await live(ada)
    await expect(notes(ada)).to_have_count(0)
    assert await kept_notes(glass) == []
    await ada.reload()
    await live(ada)
    await to_zone(ada, "right")
    given_back = []
    for _ in texts:
        strip = ada.locator(".cv-refused .cv-refusal").last
        text = await strip.locator("blockquote").inner_text()
        await strip.locator('[data-act="copy"]').tap()
        await pasted(ada, text)
        given_back.append(text)
        left = await ada.locator(".cv-refused .cv-refusal").count()
        await strip.locator('[data-act="dismiss"]').tap()
        if len(given_back) < len(texts):
            await expect(ada.locator(".cv-refused")).not_to_contain_text(text)
        assert left
    await expect(ada.locator(".cv-refusal")).to_have_count(0)
    assert sorted(given_back) == texts
    await ada.reload()
    await live(ada)
    await expect(ada.locator(".cv-refusal")).to_have_count(0)
    assert await kept_notes(glass) == []


TURNED = """(hidden) => {
  const says = (name, value) => Object.defineProperty(document, name, { configurable: true, get: () => value });
  says("hidden", hidden);
  says("visibilityState", hidden ? "hidden" : "visible");
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_the_desk_takes_a_picture_of_the_board_home(glass: Glass, tmp_path: Path) -> None:
    await opens(glass, two_zones())
    ada = await phone(glass, "Ada")
    await drawn(ada)
    await writes(ada, "Spazi aperti <la sera>")
    desk = await desk_at(glass)
    await drawn(desk)
    for kind, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
        async with desk.expect_download() as coming:
            await desk.locator(f'[data-act="picture"][data-kind="{kind}"]').click()
        file = tmp_path / f"board.{kind}"
        await (await coming.value).save_as(file)
        assert file.read_bytes().lstrip().startswith(begins) or b"<svg" in file.read_bytes()[:300]
        assert file.stat().st_size > 1_000


async def test_a_refusal_that_comes_before_the_board_s_script_still_gives_the_text_back(glass: Glass) -> None:
    await opens(glass, two_zones())
    page = await phone(glass, "Ada")
    await drawn(page)
    # A phone that is loaded anew with asks waiting: its line hears the refusal while the element's script is on its way.
    await page.evaluate(
        """async () => {
            const line = [...document.scripts].map((one) => one.src).find((src) => src.endsWith("line.js"));
            const { unheard } = await import(line);
            const ask = { id: "x", stage: "b", do: "add_note", with: { zone: "z1", text: "parole mie, tardi" } };
            unheard.push({ t: "refusal", id: "x", code: "zone_closed", text: "La zona è chiusa.", again: false, ask });
            const board = document.getElementById("canvas-board");
            board.replaceWith(board.cloneNode(true));
        }"""
    )
    await expect(page.get_by_text("parole mie, tardi").first).to_be_visible()


async def test_a_phone_that_slept_shows_the_board_of_now_two_seconds_after_it_was_looked_at(
    glass: Glass, between: Net
) -> None:
    await opens(glass, two_zones())
    ada = await phone(glass)
    await writes(ada, "prima del sonno")
    await is_kept(ada, "prima del sonno")
    [id] = [fact["body"]["note"] for fact in await glass.facts("note_added")]
    await ada.evaluate(TURNED, True)
    # the socket is half open; connections that nothing was said on were closed long ago
    for way in list(between.ways):
        if not way.is_line:
            way.abort()
    between.forget()
    await says(glass, "edit_text", note=id, text="cambiata nel sonno", base=1)
    for n in range(3):
        await says(glass, "add_note", note=f"nel_sonno______{n}", zone="left", text=f"nel sonno {n}")
    await expect(notes(ada).locator(".cv-text")).to_have_text(["prima del sonno"])
    woken = time.monotonic()
    await ada.evaluate(TURNED, False)
    await expect(notes(ada)).to_have_count(4)
    took = time.monotonic() - woken
    assert took <= 2.0, f"{took:.1f} s"
    await expect(note(ada, "cambiata nel sonno")).to_be_visible()
    await agrees(glass, ada)


async def test_a_second_tab_takes_over_and_neither_it_nor_the_first_one_sets_the_board_back(glass: Glass) -> None:
    await opens(glass, two_zones())
    first = await phone(glass)
    for text in ("una", "due"):
        await writes(first, text)
    await is_kept(first, "una", "due")
    await first.locator("#cv-text").fill("a metà")
    second = await comes(glass, first.context, "Ada's second tab", f"/s/{glass.code}")
    await expect(first.locator('dialog.card[data-card="elsewhere"]')).to_be_visible()
    await expect(notes(second).locator(".cv-text")).to_have_text(["una", "due"])
    await rewrites(second, "una", "una nuova")
    await does(second, "due", "remove")
    await expect(notes(second)).to_have_count(1)
    await live(second)
    before = await glass.day.facts()
    # It has stopped for good: nothing can come from it any more, so there is nothing to wait for.
    await expect(first.locator("body")).to_have_attribute("data-line", "stopped")
    await expect(notes(first)).to_have_count(2)
    await first.locator('dialog.card[data-card="elsewhere"] button').click()
    await live(first)
    await expect(second.locator('dialog.card[data-card="elsewhere"]')).to_be_visible()
    await expect(notes(first).locator(".cv-text")).to_have_text(["una nuova"])
    await expect(first.locator("#cv-text")).to_have_value("a metà")
    changes = [fact["kind"] for fact in (await glass.day.facts())[len(before) :]]
    assert not changes, changes
    await agrees(glass, first)


async def test_a_phone_with_a_week_old_page_and_storage_changes_nothing_and_shows_the_board_of_now(
    glass: Glass,
) -> None:
    await opens(glass, two_zones())
    ada = await phone(glass)
    posted: list[str] = []
    ada.on("websocket", lambda socket: socket.on("framesent", lambda text: posted.append(str(text))))
    await ada.reload()
    await live(ada)
    for text in ("vecchia una", "vecchia due", "vecchia tre"):
        await writes(ada, text)
    await is_kept(ada, "vecchia tre")
    asks = [json.loads(text) for text in posted if '"t":"ask"' in text.replace(" ", "")]
    answer = await ada.request.get(f"/s/{glass.code}")
    old_page = (await answer.text()).replace('data-epoch="', 'data-epoch="of another week ')
    ids = [fact["body"]["note"] for fact in await glass.facts("note_added")]
    person = await ada.locator("body").get_attribute("data-person")
    await ada.close()

    await says(glass, "delete_note", note=ids[0], base=1)
    await says(glass, "edit_text", note=ids[1], text="nuova due", base=1)
    await says(glass, "move_note", note=ids[2], zone="right", x=0, y=0)
    number = (await glass.day.facts())[-1]["number"]
    # a page that the test hands out has no address, and Chromium lets such a one speak to none of this machine
    await ada.context.grant_permissions(["local-network-access"])
    again = await glass.page(ada.context, "Ada after a week")
    # the outbox of a week ago: all of it was kept then, only its receipts were lost
    old = [{**{k: ask[k] for k in ("id", "stage", "do", "with")}, "then": None, "draft": None, "at": 0} for ask in asks]
    assert len(old) == 3
    await again.route(
        f"**/s/{glass.code}", lambda route: route.fulfill(body=old_page, headers=dict(answer.headers)), times=1
    )
    key = f"officina:{glass.code}:{person}:outbox"
    await again.add_init_script(
        f"if (!sessionStorage.once) {{ sessionStorage.once = 1; localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(old))}); }}"
    )
    came = time.monotonic()
    await again.goto(f"/s/{glass.code}")
    await expect(notes(again).locator(".cv-text")).to_have_text(["nuova due"])
    assert time.monotonic() - came <= 4
    await live(again)
    await to_zone(again, "right")
    await expect(notes(again).locator(".cv-text")).to_have_text(["vecchia tre"])
    facts = await glass.day.facts()
    assert facts[-1]["number"] == number, [fact["kind"] for fact in facts[number:]]
    await agrees(glass, again)


# -- for everybody ------------------------------------------------------------------------------------------------

#: Texts on a phone that are smaller than a caption may be, and what people read or write in, where it is under 16 px.
TINY = """() => {
  const found = [];
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const size = (one) => parseFloat(getComputedStyle(one).fontSize);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const one = node.parentElement;
    if (!node.data.trim() || !one.checkVisibility() || one.closest("svg, script, .unseen")) continue;
    if (size(one) < 14) found.push(`${size(one)} px: ${node.data.trim().slice(0, 40)}`);
  }
  const read = ".cv-text, .cv-tab > span:first-child, .cv-panel h1, .cv-vote h2, .cv-names h2, .cv-composer button, "
    + "textarea, input:not([type=range]), select";
  for (const one of document.querySelectorAll(read))
    if (one.checkVisibility() && size(one) < 16) found.push(`${size(one)} px: ${one.localName} ${one.textContent.slice(0, 40)}`);
  return found;
}"""


async def phone_is_fine(page: Page, state: str, themes: tuple[str, ...] = ("light",)) -> list[str]:
    found = await audit(page, f"phone, {state}", (320, 360), themes, 44)
    return found + [f"phone, {state}: {one}" for one in await page.evaluate(TINY)]


async def test_a_board_has_no_barrier_on_phone_desk_and_wall_in_any_of_its_phases(glass: Glass) -> None:
    await opens(glass, "torino_chain")
    ada = await phone(glass)
    bruno = await phone(glass, "Bruno", "social_innovators")
    desk, wall = await desk_at(glass), await wall_at(glass)
    found: list[str] = []
    for page, text in ((ada, "Una nota lunga, ininterrottissimamentelunga, che va a capo più volte"), (bruno, "Altra")):
        await writes(page, text)
        await is_kept(page, text)
    found += await phone_is_fine(ada, "private", ("light", "dark"))
    found += await audit(wall, "wall, private", (1920,), ("light",))
    await says(glass, "set_phase", phase="group")
    await expect(notes(ada)).to_have_count(2)
    await says(glass, "focus", zone="challenges", hold=True)
    await note(bruno, "Altra").locator('[data-act="more"]').tap()
    await bruno.locator('dialog.cv-sheet [data-act="react"]').first.tap()
    await ada.locator('[data-act="gather"]').tap()
    await note(ada, "Altra").locator('[data-act="pick"]').tap()
    found += await phone_is_fine(ada, "gathering, held")
    found += await audit(wall, "wall, focus", (1920,), ("dark",))
    await note(ada, "Una nota").locator('[data-act="pick"]').tap()
    await ada.locator(".cv-gathering button[type=submit]").tap()
    await expect(ada.locator(".cv-group")).to_have_count(1)
    await says(glass, "focus", zone=None)
    await note(ada, "Una nota").locator('[data-act="more"]').tap()
    found += await phone_is_fine(ada, "menu of a note")
    await ada.locator("dialog.cv-sheet .cv-close").tap()
    await says(glass, "open_vote", round="v", target="groups", zones=["challenges"], dots=3, max_on_one=2, voters="all")
    place = ada.locator(".cv-group .cv-stepper").first
    await place.locator('[data-by="1"]').tap()
    await expect(place.locator("output")).to_have_text("1")
    found += await phone_is_fine(ada, "voting", ("light", "dark"))
    await desk.locator('[data-act="zone"]').first.click()
    found += await audit(desk, "desk, voting, sheet", (1280,), ("light",))
    await desk.keyboard.press("Escape")
    await says(glass, "close_vote", round="v")
    await expect(wall.locator(".cv-rank")).to_be_visible()
    found += await audit(wall, "wall, result", (1920,), ("light",))
    await desk.locator("#cv-vote summary").click()
    found += await audit(desk, "desk, result", (1280,), ("light", "dark"))
    assert not found, "\n".join(found)


async def test_a_matrix_has_no_barrier_and_is_filled_without_dragging(glass: Glass) -> None:
    await opens(glass, "power_interest")
    ada, desk, wall = await phone(glass), await desk_at(glass), await wall_at(glass)
    await ada.locator("#cv-text").tap()
    sliders = ada.locator(".cv-slide input[type=range]")
    await expect(sliders).to_have_count(2)
    await ada.locator("#cv-text").fill("Assessorato alla casa")
    await sliders.nth(0).focus()
    await ada.keyboard.press("End")
    found = await phone_is_fine(ada, "matrix")
    await ada.locator(".cv-composer button[type=submit]").tap()
    await is_kept(ada, "Assessorato")
    [put] = await glass.facts("note_added")
    assert (put["body"]["x"], put["body"]["y"]) == (10_000, 5_000)
    await says(glass, "show_zone", zone=put["body"]["zone"], to="all") if await notes(wall).count() == 0 else None
    await expect(note(wall, "Assessorato")).to_be_visible()
    found += await audit(wall, "wall, matrix", (1920,), ("light",))
    found += await audit(desk, "desk, matrix", (1280,), ("light",))
    assert not found, "\n".join(found)


async def test_whoever_has_only_a_keyboard_moves_groups_and_votes_from_the_desk(glass: Glass) -> None:
    await opens(glass, two_zones())
    for n, text in enumerate(("uno", "due", "tre")):
        await says(glass, "add_note", note=f"nota___________{n}", zone="left", text=text, x=0, y=n * 100)
    desk = await desk_at(glass)
    await drawn(desk)
    left, right = (desk.locator(f'[data-cell="{zone}"] .cv-card > .cv-text') for zone in ("left", "right"))
    await expect(left).to_have_text(["uno", "due", "tre"])
    card = '.cv-card[data-note$="0"] [data-act="choose"]'

    async def still_there(what: str) -> None:
        await expect(desk.locator(what)).to_be_focused()

    # by arrows: down in its zone, then into the next one and back
    await tab_to(desk, card)
    await desk.keyboard.press("ArrowDown")
    await expect(left).to_have_text(["due", "uno", "tre"])
    await still_there(card)
    await desk.keyboard.press("ArrowRight")
    await expect(right).to_have_text(["uno"])
    await still_there(card)
    await desk.keyboard.press("ArrowLeft")
    await expect(left).to_have_text(["due", "tre", "uno"])
    # by its menu
    await still_there(card)
    await tab_to(desk, '.cv-card[data-note$="0"] [data-act="more"]')
    await desk.keyboard.press("Enter")
    await tab_to(desk, 'dialog[open] [data-act="move_to"][data-zone="right"]')
    await desk.keyboard.press("Enter")
    await expect(right).to_have_text(["uno"])
    await expect(desk.locator("dialog[open]")).to_have_count(0)
    # a group of two
    for n in (1, 2):
        await tab_to(desk, f'.cv-card[data-note$="{n}"] [data-act="choose"]')
        await desk.keyboard.press("Space")
        await expect(desk.locator(".cv-card.is-chosen")).to_have_count(n)
    await tab_to(desk, '[data-act="group_chosen"]', backwards=True)
    await desk.keyboard.press("Enter")
    await expect(desk.locator("dialog[open] input")).to_be_focused()
    await desk.keyboard.type("Insieme")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".cv-group h4")).to_have_text("Insieme")
    # a vote, opened and closed
    await tab_to(desk, "#cv-vote > summary")
    await desk.keyboard.press("Enter")
    await tab_to(desk, "#cv-vote button[type=submit]")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".cv-banner.is-vote")).to_be_visible()
    await tab_to(desk, '#canvas-dock [data-act="close_vote"]')
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".cv-banner.is-vote")).to_have_count(0)
    kinds = [fact["kind"] for fact in await glass.day.facts()]
    assert kinds.count("note_moved") == 4
    assert [kinds.count(kind) for kind in ("group_made", "vote_opened", "vote_closed")] == [1, 1, 1]


async def test_the_field_and_what_is_typed_stay_in_sight_when_the_keyboard_is_open(glass: Glass) -> None:
    await opens(glass, two_zones())
    ada = await phone(glass)
    for n in range(4):
        await writes(ada, f"nota {n}")
    await ada.locator("#cv-text").tap()
    await ada.set_viewport_size({"width": 360, "height": 380})
    field, button = ada.locator("#cv-text"), ada.locator(".cv-composer button[type=submit]")
    for lines in (1, 12):
        await field.fill("\n".join(f"riga {n}" for n in range(lines)))
        await expect(field).to_be_focused()
        for place in (field, button):
            there = await box(place)
            assert there["y"] >= 0 and there["y"] + there["height"] <= 380, (lines, place, there)
            middle = [there["x"] + there["width"] / 2, there["y"] + there["height"] / 2]
            assert await place.evaluate("(one, [x, y]) => one.contains(document.elementFromPoint(x, y))", middle)
        # the caret stands at the end of the text: the field has scrolled down to it
        hidden = await field.evaluate("(one) => one.scrollHeight - one.scrollTop - one.clientHeight")
        assert hidden <= 4, f"{hidden} px of the last line are hidden"
    await button.tap()
    await expect(field).to_be_focused()
    last = notes(ada).last
    await expect(last).to_contain_text("riga 11")
    await expect(last.locator(".cv-text")).to_be_in_viewport()
    # what gets the focus is not covered by the composer
    for n in range(4):
        more = note(ada, f"nota {n}").locator('[data-act="more"]')
        await more.focus()
        there, foot = await box(more), await box(ada.locator(".foot"))
        assert there["y"] + there["height"] <= foot["y"] + 1, (n, there, foot)


# -- every board that is shipped ----------------------------------------------------------------------------------

FOLDER = Path(__file__).resolve().parents[2] / "content" / "boards"
BOARDS = sorted(file.stem for file in FOLDER.glob("*.json"))

#: What of a drawn board lies outside its place: the page, the board in it, the titles and texts of its zones.
OVERFLOWS = """() => {
  const found = [];
  const root = document.documentElement;
  const over = (one, name, is_text = false) => {
    if (one.scrollWidth > one.clientWidth + 1) found.push(`${name}: ${one.scrollWidth - one.clientWidth} px too wide`);
    // a line of text reaches a little over its own height
    if (!is_text && one.scrollHeight > one.clientHeight + 1) found.push(`${name}: ${one.scrollHeight - one.clientHeight} px too high`);
  };
  if (root.scrollWidth > root.clientWidth) found.push(`page: ${root.scrollWidth - root.clientWidth} px too wide`);
  if (document.body.dataset.screen !== "wall") return found;
  over(root, "page");
  const board = document.querySelector("#now canvas-board");
  over(board.querySelector(".cv-wall-body"), "board");
  const foot = board.querySelector(".cv-wall-foot").getBoundingClientRect();
  for (const cell of board.querySelectorAll(".cv-cell")) {
    const place = cell.getBoundingClientRect();
    const name = cell.dataset.cell;
    over(cell.querySelector("h2"), `title of ${name}`, true);
    for (const one of cell.querySelectorAll("h2, .cv-n, .cv-prompt, .cv-axis, .cv-hint")) {
      if (!one.checkVisibility() || !one.textContent) continue;
      const { left, right, top, bottom } = one.getBoundingClientRect();
      if (left < place.left - 1 || right > place.right + 1 || top < place.top - 1 || bottom > place.bottom + 1)
        found.push(`${name}: ${one.className || one.localName} lies outside`);
    }
    const words = [...cell.querySelectorAll("h2, .cv-prompt, .cv-axis, .cv-hint, .cv-secret strong")].filter((one) => one.checkVisibility());
    for (const [n, one] of words.entries()) for (const other of words.slice(n + 1)) {
      const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
      const [x, y] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      if (x > 2 && y > 6) found.push(`${name}: "${one.textContent}" lies over "${other.textContent}"`);
    }
    if (place.bottom > foot.top + 1 && place.left < foot.right && foot.height && document.querySelector(".cv-foot-in")?.textContent)
      found.push(`${name} lies over the credit`);
    if (!cell.querySelector(".cv-card") && !cell.querySelector(".cv-secret strong")) found.push(`${name} shows no note`);
  }
  return found;
}"""

WRITTEN = {
    "it": ("Manca una persona di riferimento per ogni quartiere", "Regole diverse in ogni municipio"),
    "en": ("There is no one person to turn to in each district", "Different rules in every municipality"),
}


@pytest.mark.parametrize("language", ["it", "en"])
async def test_every_shipped_board_is_whole_on_phone_and_wall(glass: Glass, language: str, tmp_path: Path) -> None:
    stages = [{**canvas(key), "id": key} for key in BOARDS]
    assert len(stages) == 18
    await glass.day.begins(plan(*stages))
    page, wall = await phone(glass, language=language), await wall_at(glass, language)
    shots = Path(os.environ.get("OFFICINA_SHOTS") or tmp_path)
    found: list[str] = []
    for n, key in enumerate(BOARDS):
        board = json.loads((FOLDER / f"{key}.json").read_text("utf-8"))
        await says(glass, "open_stage", None, stage=key)
        for zone in board["zones"]:
            for place, text in enumerate(WRITTEN[language]):
                x, y = (2_500 + 5_000 * place, 7_000 - 4_000 * place) if "axis" in zone else (0, place * 100)
                id = f"{n:02d}_{board['zones'].index(zone):02d}_{place}".ljust(16, "_")
                await says(glass, "add_note", key, note=id, zone=zone["key"], text=text, x=x, y=y)
        for private in (True, False):
            if not private:
                for zone in secret_zones(board):
                    await says(glass, "show_zone", key, zone=zone, to="all")
            number = (await glass.day.facts())[-1]["number"]
            for screen in (page, wall):
                await expect(screen.locator("#now [data-stage]")).to_have_attribute("data-stage", key)
                await drawn(screen)
                async with asyncio.timeout(8):
                    while await screen.evaluate("document.querySelector('#now canvas-board').number") < number:
                        await asyncio.sleep(0.03)
                await screen.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            await expect(wall.locator("#now h1")).to_be_in_viewport()
            if not private:
                await expect(wall.locator("#now h1")).to_contain_text(board["title"][language])
            for name, screen in (("wall", wall), ("phone", page)):
                state = "private" if private else "read"
                found += [f"{key}, {name}, {state}: {one}" for one in await screen.evaluate(OVERFLOWS)]
                if "OFFICINA_SHOTS" in os.environ:
                    await screen.screenshot(path=shots / f"{key}-{name}-{state}-{language}.png")
            if not secret_zones(board):
                break
        titles = [zone["title"][language] for zone in board["zones"]]
        await expect(page.locator(".cv-tab > span:first-child")).to_have_text(titles)
        await expect(wall.locator(".cv-cell h2")).to_have_text(titles)
        if board["credit"]:
            await expect(wall.locator(".cv-foot-in small")).to_have_text(board["credit"][language])
            await expect(wall.locator(".cv-foot-in small")).to_be_in_viewport(ratio=1)
    assert not found, "\n".join(found)


def secret_zones(board: dict[str, Any]) -> list[str]:
    return [zone["key"] for zone in board["zones"] if zone.get("visible") == "own"]
