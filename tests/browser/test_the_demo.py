"""The whole demo session as a facilitator leads it: an Italian and an English phone, the desk's buttons, the wall."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from playwright.async_api import Page, expect

from server.house import qr
from server.sessions import pages
from tests.browser.glass import DEMO, Glass, agree, answer, live, press

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAN = tomllib.loads((Path(__file__).resolve().parents[2] / "content" / "paths" / f"{DEMO}.toml").read_text("utf-8"))
STAGES: dict[str, dict[str, Any]] = {stage["id"]: stage for stage in PLAN["stages"]}

#: What Ada and Bruno answer where one of them would not simply take the first option.
CHOSEN: dict[str, tuple[Any, Any]] = {
    "obstacle": ("risk", "risk"),
    "worked_together": ("yes", "no"),
    "authority_partner": ("30", "70"),
    "management_model": ("50", "50"),
    "trust": ("40", "60"),
    "first_line": (
        ["ecosystem", "governance", "civil_skills", "social_skills"],
        ["ecosystem", "civil_skills", "governance", "social_skills"],
    ),
    "what_helps": ({"funding": 60, "impact": 40}, {"funding": 20, "citizens": 80}),
    "phases": (["sensitisation", "deep_dive", "codesign"], ["deep_dive", "sensitisation", "codesign"]),
    "one_recipe": ("no", "yes"),
    "houses": ("9", "12"),
    "output_outcome": ("yes", "yes"),
    "terms": (
        {"pbr": "when_reached", "sib": "investment", "pact": "commons", "levelling": "closer"},
        {"pbr": "investment", "sib": "when_reached", "pact": "commons", "levelling": "closer"},
    ),
    "market_place": ("cracovia", "Krakow"),
    "useful": ("8", "10"),
}


async def enters(glass: Glass, language: str, group: str, name: str | None = None) -> Page:
    """From the address on the wall into the room, by typing the code and two taps."""
    device = await glass.device("phone", language)
    phone = await glass.page(device, {"it": "Ada", "en": "Bruno"}[language])
    await phone.goto("/")
    await expect(phone.locator("html")).to_have_attribute("lang", language)
    typed = f"{glass.code[:3]} {glass.code[3:]}".lower()
    await phone.locator("#code").fill(typed)
    await phone.keyboard.press("Enter")
    await expect(phone.locator("h1")).to_contain_text(PLAN["title"][language])
    if name:
        await phone.locator("details.own-name summary").click()
        await phone.locator("#own-name").fill(name)
    await phone.locator(f'label[for="group-{group}"]').click()
    await phone.locator(".quiet-foot button").click()
    await live(phone)
    return phone


async def all_show(screens: dict[Page, str], text: dict[str, str]) -> None:
    for screen, language in screens.items():
        await expect(screen.locator("#now")).to_contain_text(text[language])


async def goes_on(desk: Page, title: str) -> None:
    """Next: it says where everybody goes, and they are taken there."""
    await expect(desk.locator("#dock .next")).to_contain_text(title)
    await press(desk, "#dock .next")
    await expect(desk.locator("#place h1")).to_have_text(title)


async def test_the_whole_demo_session_is_led_from_the_desk_and_answered_on_the_phones(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    desk, wall = await glass.desk(), await glass.wall()
    await expect(wall.locator(".code")).to_contain_text(f"{glass.code[:3]} {glass.code[3:]}")
    ada = await enters(glass, "it", "civil_servants", "Ada")
    bruno = await enters(glass, "en", "social_innovators")
    await expect(ada.locator("#who")).to_contain_text("Ada")
    await expect(wall.locator(".lobby-count strong")).to_have_text("2")
    await expect(desk.locator("#count strong")).to_have_text("2")
    everybody = {ada: "it", bruno: "en", wall: "it"}

    for stage in PLAN["stages"]:
        await goes_on(desk, stage["title"]["it"])
        for screen in everybody:
            await expect(screen.locator("#now > [data-stage]")).to_have_attribute("data-stage", stage["id"])
        await {"talk": listen, "words": write_words, "poll": vote, "quiz": know}[stage["activity"]](
            stage, desk, wall, ada, bruno
        )

    await press(desk, "#dock .next")
    await agree(desk)
    await expect(wall.locator("#now h1")).to_have_text("Grazie, abbiamo finito")
    await expect(ada.locator("#now h1")).to_have_text("Grazie, abbiamo finito")
    await expect(bruno.locator("#now h1")).not_to_have_text("Grazie, abbiamo finito")
    for phone in (ada, bruno):
        await expect(phone.locator("#mine a[href^='/keep/']")).to_be_visible()
        await expect(phone.locator("time-ruler")).to_have_count(0)
        await expect(phone.locator("dialog[open]")).to_have_count(0)
    await expect(desk.locator("#now a[href*='/export.']")).to_have_count(7)
    voters: dict[tuple[str, str], int] = {}
    for fact in await glass.facts("answered"):
        asked = (fact["stage"], fact["body"]["question"])
        voters[asked] = voters.get(asked, 0) + 1
    questions = [
        (stage["id"], question["id"]) for stage in PLAN["stages"] for question in stage["setup"].get("questions", [])
    ]
    assert voters == dict.fromkeys(questions, 2), "every question has one answer of each phone"


async def listen(stage: dict[str, Any], desk: Page, wall: Page, ada: Page, bruno: Page) -> None:
    parts = stage["setup"]["parts"]
    for n, part in enumerate(parts, 1):
        await all_show({ada: "it", bruno: "en", wall: "it", desk: "it"}, part["heading"])
        if n < len(parts):
            await press(desk, '#dock [data-do="show_part"]')
    await expect(desk.locator('#dock [data-do="show_part"]')).to_have_count(0)


async def write_words(stage: dict[str, Any], desk: Page, wall: Page, ada: Page, bruno: Page) -> None:
    await all_show({ada: "it", bruno: "en", wall: "it"}, stage["setup"]["prompt"])
    for phone, words in ((ada, ["fiducia", "Lentezza"]), (bruno, ["Fiducia"])):
        for word in words[: stage["setup"]["each"]]:
            await phone.locator("#add-word-text").fill(word)
            await phone.keyboard.press("Enter")
            await expect(phone.locator("#mine .my-words")).to_contain_text(word)
            await expect(phone.locator("#add-word-text")).to_have_value("")
    await expect(desk.locator("#count strong").first).to_have_text("2")
    await expect(desk.locator(".word-list tr").first.locator("strong")).to_have_text("2")
    await press(desk, '#dock [data-do="freeze"]')
    await expect(wall.locator("word-cloud [data-word]").first).to_contain_text("2")
    for phone in (ada, bruno):
        await expect(phone.locator(".said li").first.locator("strong")).to_have_text("2")
        await expect(phone.locator("form")).to_have_count(0)


async def ask(question: dict[str, Any], stage: dict[str, Any], desk: Page, wall: Page, ada: Page, bruno: Page) -> None:
    """Opens the next question, has it answered by both phones, closes and reveals it."""
    await press(desk, '#dock [data-key="r"]')
    await all_show({ada: "it", bruno: "en", wall: "it", desk: "it"}, question["text"])
    await expect(ada.locator("#mine .level")).not_to_be_empty()
    options = question.get("options", [])
    first, second = CHOSEN.get(question["id"]) or (
        options[0]["id"],
        next(one["id"] for one in options if one.get("right")),
    )
    await asyncio.gather(answer(ada, question, first), answer(bruno, question, second))
    await expect(wall.locator("#now .number strong")).to_have_text("2")
    await expect(desk.locator("#count strong").first).to_have_text("2")
    await expect(wall.locator("#now .result")).to_have_count(0)
    await press(desk, '#dock [data-do="lock_question"]')
    for screen in (ada, bruno, wall, desk):
        await expect(screen.locator("#now .result").first).to_be_visible()
    await expect(ada.locator('#now form[data-do="answer"]')).to_have_count(0)


async def vote(stage: dict[str, Any], desk: Page, wall: Page, ada: Page, bruno: Page) -> None:
    for question in stage["setup"]["questions"]:
        await ask(question, stage, desk, wall, ada, bruno)
        if question["id"] == "obstacle":
            for screen in (ada, bruno, wall):
                await expect(screen.locator('#now tr[data-option="risk"] .bar-number')).to_contain_text("2")
            await expect(ada.locator('#now tr[data-option="risk"] [data-own]')).to_be_visible()
            await expect(wall.locator("#now [data-own]").first).not_to_be_visible()
    await expect(desk.locator('#dock [data-key="r"]')).to_have_count(0)


async def know(stage: dict[str, Any], desk: Page, wall: Page, ada: Page, bruno: Page) -> None:
    for question in stage["setup"]["questions"]:
        await ask(question, stage, desk, wall, ada, bruno)
        for screen in (ada, bruno, wall):
            await expect(screen.locator("#now")).not_to_contain_text(question["explain"]["en"])
            await expect(screen.locator("#now .is-right")).to_have_count(0)
        await press(desk, '#dock [data-do="explain"]')
        await all_show({ada: "it", bruno: "en", wall: "it", desk: "it"}, question["explain"])
        await expect(ada.locator("#mine .foot-line").first).to_be_visible()
    await expect(ada.locator("#mine")).to_contain_text(f"su {len(stage['setup']['questions'])}")
    await press(desk, '#dock [data-do="show_board"]')
    await expect(wall.locator("#now .board")).to_be_visible()


async def test_the_facilitator_looks_ahead_pauses_gives_time_and_goes_back_without_losing_a_vote(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    desk, wall = await glass.desk(), await glass.wall()
    ada, bruno = await glass.phone(), await glass.phone("Bruno", "social_innovators", "en")
    await press(desk, "#dock .next")
    await expect(ada.locator("#now h1")).to_have_text(STAGES["welcome"]["setup"]["parts"][0]["heading"]["it"])

    await desk.locator("#agenda-starting_point").hover()
    await desk.locator("#agenda-starting_point [data-sheet]").click()
    sheet = desk.locator("dialog#sheet")
    await expect(sheet).to_contain_text(STAGES["starting_point"]["title"]["it"])
    await expect(sheet.locator("screen-preview")).to_have_count(2)
    await sheet.locator("button").last.click()
    await expect(ada.locator("#now > [data-stage]")).to_have_attribute("data-stage", "welcome")

    await press(desk, '#dock button[data-do="pause"]')
    await expect(ada.locator("#now h1")).to_have_text("Occhi sulla sala")
    await expect(wall.locator("#now h1")).to_have_text("Occhi sulla sala")
    await expect(bruno.locator("#now h1")).not_to_have_text("Occhi sulla sala")
    await press(desk, '#dock [data-do="resume"]')
    await expect(ada.locator("#now h1")).to_have_text(STAGES["welcome"]["setup"]["parts"][0]["heading"]["it"])

    total = int(await ada.locator("#place time-ruler").get_attribute("data-total") or 0)
    await press(desk, desk.locator('#place [data-do="add_time"]').last)
    await expect(ada.locator("#place time-ruler")).to_have_attribute("data-total", str(total + 300_000))
    await press(desk, '#place [data-do="stop_clock"]')
    await expect(ada.locator("#place time-ruler")).to_have_attribute("data-running", "0")
    await press(desk, '#place [data-do="start_clock"]')
    await expect(ada.locator("#place time-ruler")).to_have_attribute("data-running", "1")

    await press(desk, "#dock .next")
    await ada.locator("#add-word-text").fill("ascolto")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#mine .my-words")).to_contain_text("ascolto")
    for _ in range(3):
        await press(desk, '#dock [data-do="go_back"]')
        await expect(ada.locator("#now > [data-stage]")).to_have_attribute("data-stage", "welcome")
        await press(desk, "#dock .next")
        await expect(ada.locator("#mine .my-words")).to_contain_text("ascolto")
    assert len(await glass.facts("word_added")) == 1


async def test_questions_that_were_not_opened_are_left_behind_only_after_a_question(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    desk = await glass.desk()
    for _ in range(3):
        await goes_on_whatever(desk)
    await goes_on(desk, "Da dove partiamo")
    await expect(desk.locator("#dock .next")).to_have_attribute(
        "data-unfinished", "7 domande non sono ancora state aperte. Vai avanti lo stesso?"
    )


async def goes_on_whatever(desk: Page) -> None:
    before = await desk.locator("#place h1").inner_text()
    await press(desk, "#dock .next")
    await expect(desk.locator("#place h1")).not_to_have_text(before)


async def test_a_stage_that_few_have_answered_is_left_only_after_a_question(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    desk = await glass.desk()
    ada, _ = await glass.phone(), await glass.phone("Bruno", "social_innovators")
    for title in ("Si comincia", "Prime parole"):
        await goes_on(desk, title)
    await expect(desk.locator("#dock .next")).to_have_attribute(
        "data-unfinished", "2 persone non hanno ancora risposto. Vai avanti lo stesso?"
    )
    await press(desk, "#dock .next")
    dialog = desk.locator("dialog.confirm")
    await expect(dialog).to_contain_text("2 persone non hanno ancora risposto")
    await expect(dialog.locator("button").first).to_be_focused()
    await desk.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(ada.locator("#now > [data-stage]")).to_have_attribute("data-stage", "first_words")
    await press(desk, "#dock .next")
    await agree(desk)
    await expect(ada.locator("#now > [data-stage]")).to_have_attribute("data-stage", "the_path")


async def test_a_person_is_renamed_comes_back_on_another_phone_by_a_code_of_their_own_and_is_removed(
    glass: Glass, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def noted(url: str) -> Markup:
        drawn.append(url)
        return qr(url)

    monkeypatch.setattr(pages, "qr", noted)
    await glass.day.begins(DEMO)
    desk = await glass.desk()
    ada = await glass.phone()
    await press(desk, 'button[data-mode="expert"]')
    await press(desk, "#people [data-rename]")
    await desk.locator("dialog#sheet input").fill("Ada Negri")
    await desk.keyboard.press("Enter")
    await expect(ada.locator("#who")).to_contain_text("Ada Negri")
    await expect(desk.locator("#people-list")).to_contain_text("Ada Negri")

    await press(desk, "#people [data-rejoin]")
    sheet = desk.locator("dialog#sheet")
    await expect(sheet).to_contain_text("Ada Negri")
    await expect(sheet.locator("svg.qr-code")).to_be_visible()
    await sheet.locator("button").last.click()

    other = await glass.page(await glass.device(), "Ada's other phone")
    await other.goto(drawn[-1])
    assert "#" not in other.url
    await other.locator("#rejoin button").click()
    await live(other)
    await expect(other.locator("#who")).to_contain_text("Ada Negri")
    await expect(ada.locator('dialog.card[data-card="removed"]')).to_be_visible()

    person = await other.locator("body").get_attribute("data-person")
    await press(desk, f"#pick-{person}")
    await press(desk, "#people-form button.is-small")
    await agree(desk)
    await expect(desk.locator("#people-list")).to_have_count(0)
    await expect(other.locator('dialog.card[data-card="removed"]')).to_be_visible()


async def test_a_person_reads_what_is_kept_takes_it_along_and_erases_it(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    ada = await glass.phone()
    await glass.day.api(
        "POST",
        f"/api/sessions/{glass.code}/asks",
        json={"id": "1" * 32, "stage": None, "do": "end_session", "with": {}},
    )
    await expect(ada.locator("#now h1")).to_have_text("Grazie, abbiamo finito")
    await ada.locator("#mine a").click()
    await expect(ada.locator("h1")).to_have_text("Che cosa conserviamo")
    async with ada.expect_download() as coming:
        await ada.locator("a[download]").click()
    taken = await (await coming.value).path()
    assert '"Ada"' in taken.read_text("utf-8")
    await ada.locator("details summary").click()
    await ada.locator("button.is-danger").click()
    await expect(ada.locator("[role=status]")).to_contain_text("cancellati")
    assert len(await glass.facts("person_erased")) == 1


async def test_what_a_person_writes_stays_text_on_every_screen_and_their_name_off_the_wall(glass: Glass) -> None:
    hostile = ["<img src=x onerror=alert(1)>", "<b data-hx-get=/healthz hx-trigger=load>", "</p></hx-partial><script>x"]
    await glass.day.begins(DEMO)
    desk, wall = await glass.desk(), await glass.wall()
    ada = await glass.phone("<img src=y onerror=alert(2)>")
    bruno = await glass.phone("Bruno", "social_innovators")
    asked: list[str] = []
    for screen in (desk, wall, ada, bruno):
        screen.on("request", lambda request: asked.append(request.url))
    for title in ("Si comincia", "Prime parole"):
        await goes_on(desk, title)
    for word in hostile:
        await ada.locator("#add-word-text").fill(word)
        await ada.keyboard.press("Enter")
        await expect(ada.locator("#mine .my-words")).to_contain_text(word)
    await press(desk, '#dock [data-do="freeze"]')
    for screen in (ada, bruno, wall, desk):
        for word in hostile:
            await expect(screen.locator("#now")).to_contain_text(word)
        assert await screen.locator("img, script:not([src]), [hx-get], [data-hx-get]").count() == 0
    await expect(desk.locator("#people-list")).to_contain_text("<img src=y")
    for screen in (wall, bruno):
        assert "src=y" not in await screen.content()
    assert not [url for url in asked if url.endswith(("/x", "/y", "/healthz"))]


async def test_the_desk_erases_somebody_after_asking_once(glass: Glass) -> None:
    await glass.day.begins(DEMO)
    desk = await glass.desk()
    phone = await glass.phone("Zaffira")
    await press(desk, 'button[data-mode="expert"]')
    await expect(desk.locator("#people .people-list li")).to_contain_text("Zaffira")
    await press(desk, "#people [data-erase]")
    await expect(desk.locator("dialog.confirm")).to_contain_text("Nome e testi di Zaffira si cancellano")
    await agree(desk)
    await expect(desk.locator("#people")).not_to_contain_text("Zaffira", timeout=15_000)
    await expect(phone.locator("body")).to_have_attribute("data-line", "stopped")
