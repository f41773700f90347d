"""Everybody can take part: axe on every page, 320 px with longer words, 48 px targets, keys alone, a calm voice."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests import people
from tests.browser.access import all_of, audit, tab_to
from tests.browser.glass import Glass, box, live, press
from tests.people import plan, poll, talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACTIVITIES = Path(__file__).resolve().parents[2] / "server" / "activities"
PHONE, DESK, WALL = (320, 390), (1280,), (1920,)
WALL_THEMES = ("light", "dark", "projector")


def sample(activity: str) -> dict[str, Any]:
    """An activity's own sample as a stage of a plan."""
    made = tomllib.loads((ACTIVITIES / activity / "sample.toml").read_text("utf-8"))
    title = {"it": f"Tappa {activity}", "en": f"Stage {activity}"}
    return {"id": activity, "activity": activity, "title": title, "minutes": 5, "setup": made["setup"]}


@pytest_asyncio.fixture(loop_scope="session")
async def screens(glass: Glass) -> AsyncIterator[dict[str, Page]]:
    """Phone, desk and wall in both languages, on a plan with every kind of question."""
    everything = {
        **poll("many"),
        "setup": {
            "questions": [
                {
                    "id": f"pick_{low}",
                    "kind": "choice",
                    "pick": {"min": low, "max": 2},
                    "text": {"it": "Quali due?", "en": "Which two?"},
                    "options": [
                        {"id": f"o{n}", "text": {"it": f"Possibilità numero {n}", "en": f"Possibility number {n}"}}
                        for n in range(1, 9)
                    ],
                }
                for low in (1, 2)
            ]
        },
    }
    stages = [talk(), sample("words"), sample("poll"), everything, sample("quiz")]
    await glass.day.begins(plan(*stages, phase="sensitisation"))
    found: dict[str, Page] = {}
    for language in ("it", "en"):
        found[f"phone {language}"] = await glass.phone(f"Persona {language}", "civil_servants", language)
        found[f"desk {language}"] = await glass.desk(language)
        found[f"wall {language}"] = await glass.wall()
        if language == "en":
            await found["wall en"].goto(f"/wall/{glass.code}?lang=en")
            await live(found["wall en"])
    yield found


async def says(glass: Glass, do: str, stage: str | None = None, badge: str | None = None, /, **having: Any) -> None:
    body = {"id": f"{time.monotonic_ns():032x}", "stage": stage, "do": do, "with": having}
    answer = await glass.day.api("POST", f"/api/sessions/{glass.code}/asks", badge or people.KEY, json=body)
    assert answer.status_code == 200, (do, answer.text)


async def look(glass: Glass, screens: dict[str, Page], state: str) -> list[str]:
    """Audits all six screens in the state they share."""
    number = (await glass.day.facts())[-1]["number"]
    await glass.drawn(number, list(screens.values()))
    audits = []
    for name, page in screens.items():
        widths = {"phone": PHONE, "desk": DESK, "wall": WALL}[name.split()[0]]
        themes = WALL_THEMES if name.startswith("wall") else ("light", "dark")
        audits.append(audit(page, f"{name}, {state}", widths, themes, 48 if name.startswith("phone") else 0))
    return await all_of(*audits)


async def test_no_screen_has_a_barrier_in_any_state_of_a_session(glass: Glass, screens: dict[str, Page]) -> None:
    found = await look(glass, screens, "lobby")
    await says(glass, "go_next")
    found += await look(glass, screens, "talk")
    await says(glass, "pause")
    found += await look(glass, screens, "pause")
    await says(glass, "resume")
    await says(glass, "close_stage")
    found += await look(glass, screens, "between two stages")

    await says(glass, "open_stage", stage="words")
    phone = screens["phone it"]
    for word in ("fiducia", "fatica"):
        await phone.locator("#add-word-text").fill(word)
        await phone.keyboard.press("Enter")
        await expect(phone.locator("#mine .my-words")).to_contain_text(word)
    found += await look(glass, screens, "words open")
    await says(glass, "freeze", "words")
    await says(glass, "reveal", "words")
    found += await look(glass, screens, "words revealed")

    crowd = [
        (await glass.day.badge(group, f"{group[:5]} {n}"))["badge"]
        for n in range(6)
        for group in ("civil_servants", "social_innovators")
    ]
    for stage in ("poll", "many", "quiz"):
        await says(glass, "open_stage", stage=stage)
        if stage != "many":
            found += await look(glass, screens, f"{stage} waiting")
        for question in await questions(glass, stage):
            found += await through(glass, screens, stage, question, crowd)
    await press(screens["desk it"], '#dock [data-do="show_board"]')
    await expect(screens["wall it"].locator(".board")).to_be_visible()
    found += await look(glass, screens, "board")
    for page in (screens["desk it"], screens["desk en"]):
        await press(page, 'button[data-mode="expert"]')
        found += await audit(page, "desk, expert", (1280, 1440))
    await says(glass, "end_session")
    found += await look(glass, screens, "ended")
    assert not found, "\n".join(dict.fromkeys(found))


async def questions(glass: Glass, stage: str) -> list[dict[str, Any]]:
    state = glass.day.house.rooms.live[glass.code].room.folded.session
    return list(state.setup(stage)["questions"])


def value_of(question: dict[str, Any], n: int) -> Any:
    """What the n-th person of a crowd answers; None where the form alone is looked at."""
    options = [one["id"] for one in question.get("options", ())]
    match question["kind"]:
        case "choice":
            pick = question.get("pick", {"min": 1})["min"]
            return [options[(n // 2 * (n % 2) + k) % len(options)] for k in range(pick)]
        case "yes_no":
            return "yes" if n % 3 else "no"
        case "scale":
            return question["from"] + question["step"] * (n % 7)
        case "ranking":
            return options[: question.get("top", len(options))]
        case "points":
            return {options[n % 2]: question["total"]}
        case "number":
            return 2008 + n
        case "typed":
            return ["Torino", "Milano"][n % 2]
        case "order":
            return options
        case _:
            return {pair["id"]: question["targets"][n % 2]["id"] for pair in question["pairs"]}


async def through(
    glass: Glass, screens: dict[str, Page], stage: str, question: dict[str, Any], crowd: list[str]
) -> list[str]:
    """One question from open to explained, with enough answers for the groups to be shown apart."""
    id, kind = question["id"], question["kind"]
    await says(glass, "open_question", stage, question=id)
    for n, badge in enumerate(crowd):
        await says(glass, "answer", stage, badge, question=id, round=1, value=value_of(question, n))
    found = await look(glass, screens, f"{stage} {kind} open")
    await says(glass, "lock_question", stage, question=id)
    if stage == "poll" and kind in ("choice", "scale"):
        found += await look(glass, screens, f"{stage} {kind} locked")
    await says(glass, "reveal", stage, question=id)
    # a quiz draws its revealed question from the same file as a poll; it has only other kinds
    if stage == "poll" or kind in ("choice", "number", "typed"):
        found += await look(glass, screens, f"{stage} {kind} revealed")
    if stage == "quiz":
        await says(glass, "explain", stage, question=id)
        found += await look(glass, screens, f"{stage} {kind} explained")
    return found


async def test_no_other_page_has_a_barrier(glass: Glass) -> None:
    glass.allows("40[13469]|410|429")
    await glass.day.begins(plan(talk(), poll(), sample("quiz")))
    found: list[str] = []
    for language in ("it", "en"):
        device = await glass.device("phone", language)
        page = await glass.page(device, "a visitor")
        for name, path in (
            ("enter", "/"),
            ("join", f"/j/{glass.code}"),
            ("keep", "/keep"),
            ("404", "/nothing/here"),
            ("rejoin", f"/j/{glass.code}/back"),
            ("key form", "/desk"),
            ("403", f"/live/{glass.code}/no"),
        ):
            await page.goto(path)
            found += await audit(page, f"{name} {language}", PHONE, least=48)
            if name == "enter":
                await page.locator("#code").fill("AAAAAA")
                await page.keyboard.press("Enter")
                await expect(page.locator("#code-error")).to_be_visible()
                found += await audit(page, f"wrong code {language}", PHONE, least=48)
            elif name == "join":
                await page.locator("summary").click()
                found += await audit(page, f"join with own name {language}", PHONE, least=48)
            elif name == "key form":
                await page.locator("#key").fill("no")
                await page.keyboard.press("Enter")
                await expect(page.locator("#key-error")).to_be_visible()
                found += await audit(page, f"wrong key {language}", PHONE, least=48)
        await glass.seat(device, "Ada", "civil_servants", language)
        await page.goto(f"/keep/{glass.code}")
        await page.locator("summary").click()
        found += await audit(page, f"keep of a person {language}", PHONE, least=48)

        desk = await glass.desk(language, at="/desk")
        found += await audit(desk, f"sessions {language}", (390, 1280))
        await desk.goto("/desk/preflight")
        found += await audit(desk, f"preflight {language}", (390, 1280))
        tried = next(iter(glass.day.house.tried))
        await page.goto(f"/try/{tried}")
        await expect(page.locator('[data-socket="ok"]')).to_be_visible()
        found += await audit(page, f"tried {language}", PHONE, least=48)
        await desk.goto(f"/desk/{glass.code}/stages/quiz/import")
        found += await audit(desk, f"import {language}", (1280,))
        await desk.locator("#import-text").fill("Quanti?\nA. uno\nB. due\nANSWER: B\n")
        await desk.locator("button.is-primary").click()
        await expect(desk.locator("table.rows")).to_be_visible()
        found += await audit(desk, f"import preview {language}", (1280,))
        await desk.goto(f"/desk/{glass.code}")
        await live(desk)
        await desk.locator("#agenda [data-sheet]").first.click()
        await expect(desk.locator("dialog#sheet screen-preview")).to_have_count(2)
        found += await audit(desk, f"preview sheet {language}", (1280,))
        await desk.keyboard.press("Escape")
        await desk.keyboard.press("?")
        found += await audit(desk, f"keys {language}", (1280,))
        await desk.keyboard.press("Escape")
        await desk.keyboard.press("j")
        await expect(desk.locator("#join-panel svg")).to_be_visible()
        found += await audit(desk, f"join panel {language}", (1280,))
    assert not found, "\n".join(dict.fromkeys(found))


async def test_the_audit_sees_barriers_where_there_are_some(glass: Glass) -> None:
    """Without this, a broken audit would look like a page without barriers."""
    await glass.day.begins(plan(talk()))
    phone = await glass.phone()
    await phone.evaluate(
        """() => {
          const bad = document.createElement("div");
          const picture = document.createElement("img");
          picture.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
          const faint = document.createElement("p");
          faint.textContent = "hardly to be read";
          faint.style.color = "#ccc";
          const small = document.createElement("button");
          small.textContent = "x";
          const wide = document.createElement("p");
          wide.textContent = "w".repeat(30);
          wide.style.whiteSpace = "nowrap";
          wide.style.width = "310px";
          bad.append(picture, faint, small, wide);
          document.querySelector("#now").append(bad);
        }"""
    )
    found = "\n".join(await audit(phone, "a bad page", (320,), ("light",), 48))
    for barrier in ("image-alt", "color-contrast", "small target", "with longer words"):
        assert barrier in found, found


async def test_a_phone_is_used_from_the_door_to_the_last_question_with_the_keyboard_alone(glass: Glass) -> None:
    await glass.day.begins(plan(sample("words"), sample("poll"), sample("quiz")))
    phone = await glass.page(await glass.device("phone"), "Ada")
    await phone.set_viewport_size({"width": 320, "height": 640})
    await phone.goto("/")
    await tab_to(phone, "#code")
    await phone.keyboard.type(glass.code)
    await tab_to(phone, ".quiet-foot button")
    await phone.keyboard.press("Enter")
    await phone.wait_for_url("**/j/*")
    await tab_to(phone, "input[name=group]")
    await phone.keyboard.press("Space")
    await phone.keyboard.press("ArrowDown")
    await tab_to(phone, ".quiet-foot button")
    await phone.keyboard.press("Enter")
    await live(phone)
    await says(glass, "go_next")
    await expect(phone.locator("#now h1")).to_be_focused()
    await tab_to(phone, "#add-word-text")
    await phone.keyboard.type("fiducia")
    await tab_to(phone, "#add-word button")
    await phone.keyboard.press("Space")
    await expect(phone.locator("#mine .my-words")).to_contain_text("fiducia")
    await tab_to(phone, "#mine [data-do=remove_word]")
    await phone.keyboard.press("Enter")
    await expect(phone.locator("#mine .my-words")).to_have_count(0)

    for stage in ("poll", "quiz"):
        await says(glass, "go_next")
        for question in await questions(glass, stage):
            await says(glass, "open_question", stage, question=question["id"])
            await expect(phone.locator("#now h1")).to_have_text(question["text"]["it"])
            await with_keys(phone, question["kind"])
            await expect(phone.locator("#now form")).to_have_attribute("data-state", "kept")
            await says(glass, "lock_question", stage, question=question["id"])
            await expect(phone.locator("#now form")).to_have_count(0)


async def with_keys(phone: Page, kind: str) -> None:
    """Answers the open question without a pointer."""
    form = '#now form[data-do="answer"]'
    if kind in ("choice", "yes_no", "scale"):
        await tab_to(phone, f"{form} input")
        await phone.keyboard.press("Space")
        return
    if kind in ("ranking", "order"):
        await tab_to(phone, f"{form} [data-key] [data-move=down]")
        moved = await phone.evaluate("document.activeElement.closest('[data-key]').dataset.key")
        await phone.keyboard.press("Enter")
        await phone.keyboard.press("ArrowDown")
        assert await phone.locator(f"{form} [data-key]").nth(2).get_attribute("data-key") == moved
        assert await phone.evaluate("document.activeElement.closest('[data-key]').dataset.key") == moved
        await expect(phone.locator("#receipt")).to_contain_text("posto 3 di")
    elif kind == "points":
        total = int(await phone.locator(form).get_attribute("data-total") or 0)
        await tab_to(phone, f"{form} [data-step-by]:not([data-step-by^='-'])")
        step = int(await phone.evaluate("document.activeElement.dataset.stepBy"))
        for _ in range(total // step):
            await phone.keyboard.press("Enter")
        await expect(phone.locator("[data-left]")).to_have_text("0")
    elif kind == "match":
        for n in range(await phone.locator(f"{form} select").count()):
            await tab_to(phone, f"{form} select")
            for _ in range(n + 1):
                await phone.keyboard.press("ArrowDown")
    else:
        await tab_to(phone, f"{form} input")
        await phone.keyboard.type("2011" if kind == "number" else "Torino")
    await tab_to(phone, f"{form} button.is-primary")
    await phone.keyboard.press("Enter")


async def test_the_desk_is_led_by_its_keys_which_are_dead_in_text_and_can_be_switched_off(glass: Glass) -> None:
    await glass.day.begins(plan(talk(), poll(), talk("end")))
    desk = await glass.desk()
    phone = await glass.phone()

    async def stands_at(stage: str) -> None:
        await expect(phone.locator("#now > [data-stage]")).to_have_attribute("data-stage", stage)

    async def hits(key: str) -> None:
        await asyncio.sleep(0.42)
        await desk.keyboard.press(key)

    await hits("ArrowRight")
    await stands_at("talk")
    await hits("PageDown")
    await stands_at("poll")
    await hits("PageUp")
    await stands_at("talk")
    await hits("Space")
    await expect(phone.locator("#place time-ruler")).to_have_attribute("data-running", "0")
    await hits("Space")
    await expect(phone.locator("#place time-ruler")).to_have_attribute("data-running", "1")
    await hits("ArrowRight")
    await hits("r")
    await expect(phone.locator("#now form")).to_be_visible()
    await phone.locator('#now label[data-option="a"]').click()
    await expect(phone.locator("#now form")).to_have_attribute("data-state", "kept")
    await hits("r")
    await expect(phone.locator("#now .result")).to_be_visible()
    await press(desk, 'button[data-mode="expert"]')
    await desk.evaluate("document.activeElement.blur()")
    await hits("h")
    await expect(phone.locator("#now .result")).to_have_count(0)
    await hits("r")
    await expect(phone.locator("#now .result")).to_be_visible()
    await hits("e")
    await expect(phone.locator("#now h1")).to_have_text("Occhi sulla sala")
    await hits("e")
    await stands_at("poll")
    await hits("j")
    await expect(desk.locator("#join-panel")).to_be_visible()
    await hits("Escape")
    await expect(desk.locator("#join-panel")).to_be_hidden()

    await hits("?")
    await expect(desk.locator("#help")).to_be_visible()
    await desk.locator("#help [data-keys-off]").check()
    await hits("Escape")
    await hits("j")
    await expect(desk.locator("#join-panel")).to_be_hidden()
    await hits("ArrowLeft")
    await stands_at("talk")
    await press(desk, "#people button[data-open=help]")
    await desk.locator("#help [data-keys-off]").uncheck()
    await hits("Escape")

    await hits("ArrowRight")
    await stands_at("poll")
    await press(desk, "#cancel-question summary")
    await desk.locator("#cancel-question input").focus()
    for key in ("j", "r", "ArrowRight", "PageDown", "Space", "?"):
        await hits(key)
    await expect(desk.locator("#cancel-question input")).to_have_value("jr ?")
    await expect(desk.locator("#join-panel")).to_be_hidden()
    await stands_at("poll")
    await desk.locator("#dock button").first.focus()
    await hits("Space")
    await stands_at("talk")


async def test_a_line_for_everybody_is_typed_beside_the_pause_with_the_keyboard_alone(glass: Glass) -> None:
    await glass.day.begins(plan(poll()))
    desk, phone, wall = await glass.desk(), await glass.phone(), await glass.wall()
    await says(glass, "go_next")
    await tab_to(desk, "#pause-words summary")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#pause-message")).to_be_visible()
    found = await audit(desk, "a line beside the pause", (800, 1280, 1440))
    assert not found, "\n".join(found)
    await tab_to(desk, "#pause-message")
    await desk.keyboard.type("e se ne parla ai tavoli")
    await desk.keyboard.press("Enter")
    for screen in (phone, wall):
        await expect(screen.locator("#now p")).to_have_text("e se ne parla ai tavoli")
    await press(desk, "#dock [data-do=resume]")
    await expect(desk.locator("#pause-message")).to_be_hidden()
    await press(desk, "#pause-words summary")
    await expect(desk.locator("#pause-message")).to_have_value("")
    await press(desk, "#pause-form button")
    await expect(phone.locator("#now p")).to_have_text("Il telefono riparte da solo.")


async def test_the_wall_answers_to_its_own_keys_and_to_buttons_of_the_same_name(glass: Glass) -> None:
    await glass.day.begins(plan(talk()))
    wall = await glass.wall()
    root, body = wall.locator("html"), wall.locator("body")
    for theme in ("dark", "projector", "light"):
        await wall.keyboard.press("d")
        await expect(root).to_have_attribute("data-theme", theme)
    await wall.keyboard.press("b")
    await expect(body).to_have_attribute("data-black", "")
    await wall.keyboard.press("Escape")
    await expect(body).not_to_have_attribute("data-black", "")
    await wall.keyboard.press("+")
    await wall.keyboard.press("+")
    await expect(root).to_have_class("wall-root zoom-2")
    await wall.keyboard.press("-")
    await expect(root).to_have_class("wall-root zoom-1")
    await wall.keyboard.press("j")
    await expect(wall.locator(".join-panel .code")).to_be_visible()
    high = (await box(wall.locator(".join-panel .qr svg")))["height"]
    assert high >= 0.35 * 1080
    await wall.keyboard.press("j")
    await expect(wall.locator(".join-panel .code")).to_be_hidden()
    await wall.keyboard.press("?")
    await expect(wall.locator("#help")).to_be_visible()
    await wall.keyboard.press("?")
    names = await wall.locator(".wall-tools button kbd").all_inner_texts()
    assert [name.upper() for name in names] == ["J", "F", "D", "B", "-", "+", "?"]
    await tab_to(wall, '[data-local="black"]')
    await wall.keyboard.press("Enter")
    await expect(body).to_have_attribute("data-black", "")


async def test_a_phone_has_one_polite_voice_and_a_clock_that_keeps_quiet(glass: Glass) -> None:
    await glass.day.begins(plan(poll("poll", minutes=5)))
    phone, desk, wall = await glass.phone(), await glass.desk(), await glass.wall()
    await says(glass, "go_next")
    await expect(phone.locator("#receipt")).to_have_text("Restano 5 minuti")
    for screen in (phone, desk, wall):
        await expect(screen.locator("#stage :is([aria-live], [role=status], [role=alert]), #receipt")).to_have_count(1)
        await expect(screen.locator("#place .remaining")).to_have_attribute("aria-hidden", "true")
    await says(glass, "open_question", "poll", question="obstacle")
    await phone.locator('#now label[data-option="a"]').click()
    await expect(phone.locator("#receipt")).to_contain_text("Salvato")
    await says(glass, "lock_question", "poll", question="obstacle")
    await says(glass, "reveal", "poll", question="obstacle")
    await says(glass, "new_round", "poll", question="obstacle")
    await expect(phone.locator("#now form")).to_be_visible()
    await expect(phone.locator("#receipt")).to_have_text("")


async def test_an_update_of_the_room_takes_neither_the_focus_nor_the_text_of_anybody(glass: Glass) -> None:
    await glass.day.begins(plan(sample("words")))
    phone, desk = await glass.phone(), await glass.desk()
    await says(glass, "go_next")
    field = phone.locator("#add-word-text")
    await field.press_sequentially("mezza parola")
    await phone.keyboard.press("ArrowLeft")
    await phone.keyboard.press("ArrowLeft")
    await press(desk, 'button[data-mode="expert"]')
    await desk.locator("#people-list summary").focus()
    for n in range(20):
        badge = (await glass.day.badge("social_innovators", f"Persona {n}"))["badge"]
        await says(glass, "add_word", "words", badge, text=f"parola {n}")
    await expect(phone.locator(".said li").first).to_be_visible()
    await expect(field).to_have_value("mezza parola")
    await expect(field).to_be_focused()
    assert await field.evaluate("(one) => one.selectionStart") == len("mezza parola") - 2
    await expect(desk.locator("#people-list summary")).to_be_focused()


async def test_nothing_moves_where_less_motion_is_wanted(glass: Glass) -> None:
    await glass.day.begins()
    await says(glass, "go_next")
    await says(glass, "open_question", "poll", question="obstacle")
    screens = [await glass.phone(), await glass.desk(), await glass.wall()]
    await screens[0].locator('#now label[data-option="a"]').click()
    await expect(screens[0].locator("#now form")).to_have_attribute("data-state", "kept")
    await says(glass, "lock_question", "poll", question="obstacle")
    await says(glass, "reveal", "poll", question="obstacle")
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
      const style = getComputedStyle(one);
      return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none";
    }).length"""
    for screen in screens:
        await expect(screen.locator("#now .result").first).to_be_visible()
        assert await screen.evaluate(moving) == 0
        await screen.emulate_media(reduced_motion="no-preference")
    assert await screens[0].evaluate(moving) > 0
