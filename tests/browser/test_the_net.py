"""What a bad net, a sleeping phone and a restarted laptop may not do: lose a vote, count it twice, eat a text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests import people
from tests.browser.glass import Glass, live, press
from tests.browser.net import Net, net
from tests.people import talk
from tests.running import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS: dict[str, Any] = {
    "id": "words",
    "activity": "words",
    "title": {"it": "Parole", "en": "Words"},
    "minutes": 5,
    "setup": {"prompt": {"it": "Che cosa viene in mente?", "en": "What comes to mind?"}, "each": 3, "max": 40},
}
BROKEN = r"net::ERR|WebSocket connection|Failed to load resource|Failed to fetch"


@pytest_asyncio.fixture(loop_scope="session")
async def between(glass: Glass) -> AsyncIterator[Net]:
    """The net between this test's screens and its server."""
    async with net(int(glass.day.url.rsplit(":", 1)[1])) as made:
        glass.address = made.url
        glass.allows(BROKEN)
        yield made


async def says(glass: Glass, do: str, stage: str | None = None, /, **having: Any) -> None:
    """The facilitator does this, from a desk that has no bad net."""
    body = {"id": f"{time.monotonic_ns():032x}", "stage": stage, "do": do, "with": having}
    answer = await glass.day.api("POST", f"/api/sessions/{glass.code}/asks", json=body)
    assert answer.status_code == 200, answer.text


async def votes_open(glass: Glass) -> None:
    await glass.day.begins()
    await says(glass, "go_next")
    await says(glass, "open_question", "poll", question="obstacle")


def choice(phone: Page, option: str) -> Any:
    return phone.locator(f'#now label[data-option="{option}"]')


async def kept(phone: Page, option: str) -> None:
    await expect(phone.locator("#now form")).to_have_attribute("data-state", "kept")
    await expect(phone.locator(f'#now label[data-option="{option}"] input')).to_be_checked()
    await live(phone)


async def voted(glass: Glass) -> list[Any]:
    return [fact["body"]["value"] for fact in await glass.facts("answered")]


@pytest.mark.parametrize("how", ["cut", "hush"])
async def test_a_vote_given_while_the_net_is_away_waits_on_the_phone_and_counts_once(
    glass: Glass, between: Net, how: str
) -> None:
    await votes_open(glass)
    phone = await glass.phone()
    getattr(between, how)()
    await choice(phone, "a").click()
    await choice(phone, "b").click()
    await expect(phone.locator("#now form")).to_have_attribute("data-state", "waiting")
    await expect(phone.locator("#line")).to_have_attribute("data-line", "waiting")
    await expect(phone.locator("#line")).to_contain_text("in attesa")
    await expect(phone.locator("#receipt")).not_to_contain_text("Salvato")
    await asyncio.sleep(5)
    await expect(choice(phone, "b").locator(".when-waiting")).to_be_visible()
    between.mends()
    await expect(phone.locator("#receipt")).to_contain_text("Salvato", timeout=15_000)
    await kept(phone, "b")
    assert await voted(glass) == [["a"], ["b"]]


@pytest.mark.parametrize("how", ["cut", "hush"])
async def test_a_text_half_written_when_the_net_goes_is_there_when_it_comes_back(
    glass: Glass, between: Net, how: str
) -> None:
    await glass.day.begins(people.plan(WORDS))
    await says(glass, "go_next")
    phone = await glass.phone()
    field = phone.locator("#add-word-text")
    getattr(between, how)()
    await field.fill("pazienza")
    await phone.keyboard.press("Enter")
    await expect(phone.locator("[data-waiting] li")).to_have_text("pazienza")
    await field.press_sequentially("una parola a met")
    await asyncio.sleep(5)
    between.mends()
    await expect(phone.locator("#mine .my-words")).to_contain_text("pazienza", timeout=15_000)
    await live(phone)
    await expect(field).to_have_value("una parola a met")
    await expect(field).to_be_focused()
    await field.press_sequentially("à")
    assert [fact["body"]["text"] for fact in await glass.facts("word_added")] == ["pazienza"]
    await phone.reload()
    await live(phone)
    await expect(field).to_have_value("una parola a metà")


async def test_a_phone_that_slept_notices_its_dead_socket_and_shows_what_is_now(glass: Glass, between: Net) -> None:
    await votes_open(glass)
    phone = await glass.phone()
    turn = """(hidden) => {
      const says = (name, value) => Object.defineProperty(document, name, { configurable: true, get: () => value });
      says("hidden", hidden);
      says("visibilityState", hidden ? "hidden" : "visible");
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await phone.evaluate(turn, True)
    between.forget()
    await says(glass, "lock_question", "poll", question="obstacle")
    await says(glass, "reveal", "poll", question="obstacle")
    await asyncio.sleep(1)
    await expect(phone.locator("#now form")).to_have_count(1)
    await phone.evaluate(turn, False)
    await expect(phone.locator("#now .result")).to_be_visible()
    await live(phone)


async def test_a_tab_that_dies_between_the_vote_and_its_receipt_sends_it_again_and_it_counts_once(
    glass: Glass, between: Net
) -> None:
    await votes_open(glass)
    phone = await glass.phone()
    between.deafen()
    await choice(phone, "c").click()
    async with asyncio.timeout(5):
        while not await voted(glass):
            await asyncio.sleep(0.05)
    await expect(phone.locator("#now form")).to_have_attribute("data-state", "waiting")
    await phone.close()
    between.cut()
    between.mends()
    again = await glass.page(phone.context, "Ada again")
    await again.goto(f"/s/{glass.code}")
    await expect(again.locator("#receipt")).to_contain_text("Salvato")
    await kept(again, "c")
    assert await voted(glass) == [["c"]]


async def test_a_phone_whose_storage_throws_still_votes_and_keeps_its_vote_through_a_lost_socket(
    glass: Glass, between: Net
) -> None:
    await votes_open(glass)
    device = await glass.device()
    await device.add_init_script(
        "for (const name of ['getItem', 'setItem', 'removeItem'])"
        " Storage.prototype[name] = () => { throw new DOMException('no room', 'QuotaExceededError'); };"
    )
    await glass.seat(device, "Ada", "civil_servants")
    phone = await glass.page(device, "Ada")
    await phone.goto(f"/s/{glass.code}")
    await live(phone)
    await choice(phone, "a").click()
    await kept(phone, "a")
    between.cut()
    await choice(phone, "b").click()
    await expect(phone.locator("#line")).to_have_attribute("data-line", "waiting")
    between.mends()
    await expect(phone.locator("#line")).to_have_attribute("data-line", "live", timeout=15_000)
    await kept(phone, "b")
    assert await voted(glass) == [["a"], ["b"]]


async def test_a_second_tab_takes_over_and_the_first_comes_back_only_by_a_tap(glass: Glass) -> None:
    await votes_open(glass)
    first = await glass.phone()
    second = await glass.page(first.context, "Ada's second tab")
    await second.goto(f"/s/{glass.code}")
    await live(second)
    card = first.locator('dialog.card[data-card="elsewhere"]')
    await expect(card).to_be_visible()
    await expect(card.locator("button")).to_have_text("Usa qui")
    await asyncio.sleep(1)
    await live(second)
    await card.locator("button").click()
    await live(first)
    await expect(second.locator('dialog.card[data-card="elsewhere"]')).to_be_visible()
    await choice(first, "b").click()
    await kept(first, "b")


async def test_where_no_socket_gets_through_answers_go_by_post_and_the_page_is_read_again(
    glass: Glass, between: Net
) -> None:
    between.lets_lines = False
    await votes_open(glass)
    device = await glass.device()
    await glass.seat(device, "Ada", "civil_servants")
    phone = await glass.page(device, "Ada")
    await phone.goto(f"/s/{glass.code}")
    await choice(phone, "b").click()
    await expect(phone.locator("#receipt")).to_contain_text("Salvato", timeout=15_000)
    assert await voted(glass) == [["b"]]
    await says(glass, "lock_question", "poll", question="obstacle")
    await says(glass, "reveal", "poll", question="obstacle")
    await expect(phone.locator("#now .result")).to_be_visible(timeout=15_000)
    await expect(phone.locator('#now tr[data-option="b"] [data-own]')).to_be_visible()


async def test_a_planned_restart_brings_every_screen_back_without_a_tap(browser: Browser, tmp_path: Path) -> None:
    async with net(0) as between:
        async with people.officina(tmp_path / "data") as day:
            between.target = int(day.url.rsplit(":", 1)[1])
            glass = Glass(browser, day, address=between.url)
            glass.allows(BROKEN)
            await votes_open(glass)
            phone, desk, wall = await glass.phone(), await glass.desk(), await glass.wall()
            await choice(phone, "a").click()
            await kept(phone, "a")
        between.cut()
        await expect(phone.locator("#receipt")).to_contain_text("Un attimo, il computer della sala riparte.")
        await choice(phone, "c").click()
        await expect(phone.locator("#line")).to_have_attribute("data-line", "waiting")
        async with people.officina(tmp_path / "data") as day:
            between.target = int(day.url.rsplit(":", 1)[1])
            day.code, glass.day = glass.code, day
            between.mends()
            for screen in (phone, desk, wall):
                await expect(screen.locator("#line")).to_have_attribute("data-line", "live", timeout=20_000)
            await kept(phone, "c")
            await expect(wall.locator("#now .number strong")).to_have_text("1")
            await press(desk, '#dock [data-do="lock_question"]')
            await expect(phone.locator("#now .result")).to_be_visible()
            assert await voted(glass) == [["a"], ["c"]]
            await glass.closes()
    glass.is_clean()


async def test_a_server_killed_in_the_middle_of_a_question_loses_no_vote(browser: Browser, tmp_path: Path) -> None:
    async with running(tmp_path / "data") as (server, day):
        glass = Glass(browser, day)
        glass.allows(BROKEN)
        await votes_open(glass)
        phone = await glass.page(await glass.device(), "Ada")
        await phone.goto(f"/j/{glass.code}")
        await phone.locator('label[for="group-civil_servants"]').click()
        await phone.locator(".quiet-foot button").click()
        await live(phone)
        await choice(phone, "a").click()
        await kept(phone, "a")
        server.kill()
        await choice(phone, "b").click()
        await expect(phone.locator("#line")).to_have_attribute("data-line", "waiting")
        server.spawn()
        await server.ready()
        await expect(phone.locator("#line")).to_have_attribute("data-line", "live", timeout=20_000)
        await kept(phone, "b")
        assert await voted(glass) == [["a"], ["b"]]
        await glass.closes()
        glass.is_clean()


async def test_the_desk_reloaded_in_mid_session_shows_the_same_room(glass: Glass) -> None:
    await votes_open(glass)
    phone, desk = await glass.phone(), await glass.desk()
    await choice(phone, "b").click()
    await kept(phone, "b")
    await expect(desk.locator("#count strong").first).to_have_text("1")
    before = [await desk.locator(f"#{region}").inner_text() for region in ("now", "count", "dock", "people")]
    await desk.reload()
    await live(desk)
    assert [await desk.locator(f"#{region}").inner_text() for region in ("now", "count", "dock", "people")] == before
    await press(desk, '#dock [data-do="lock_question"]')
    await expect(phone.locator("#now .result")).to_be_visible()


async def test_the_link_of_the_start_opens_the_desk_once_and_leaves_nothing_in_the_address(glass: Glass) -> None:
    await glass.day.begins(people.plan(talk()))
    device = await glass.device("desk")
    desk = await glass.page(device, "the desk")
    glass.allows("401")
    once = glass.day.house.access.new_once()
    await desk.goto(f"/desk#once={once}")
    await expect(desk.locator(".session-list a").first).to_be_visible()
    assert "#" not in desk.url
    assert once not in desk.url
    assert await desk.evaluate("history.length") <= 2
    other = await glass.page(await glass.device("desk"), "a stranger")
    await other.goto(f"/desk#once={once}")
    await expect(other.locator("#once-bad")).to_be_visible()
    assert "#" not in other.url


async def test_the_key_opens_the_desk_and_a_wrong_one_says_so(glass: Glass) -> None:
    await glass.day.begins(people.plan(talk()))
    glass.allows("401")
    desk = await glass.page(await glass.device("desk"), "the desk")
    await desk.goto("/desk")
    await desk.locator("#key").fill("not the key")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#key-error")).to_be_visible()
    await desk.locator("#key").fill(people.KEY)
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".session-list a").first).to_be_visible()
    await desk.locator(".session-list h2 a").first.click()
    await live(desk)
