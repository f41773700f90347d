"""A full room fits its screens: nothing is cut on the wall, and a desk with forty people stands still."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.glass import Glass, live
from tests.people import plan

pytestmark = pytest.mark.asyncio(loop_scope="session")

GROUPS = ("civil_servants", "social_innovators", None)
SCALE: dict[str, Any] = {
    "id": "pulse",
    "activity": "poll",
    "title": {"it": "Com'è andata", "en": "How it went"},
    "minutes": 5,
    "setup": {
        "questions": [
            {
                "id": "useful",
                "kind": "scale",
                "text": {"it": "L'incontro è stato utile per il mio lavoro.", "en": "The day was useful for my work."},
                "from": 0,
                "to": 10,
                "labels": [{"it": "Per niente", "en": "Not at all"}, {"it": "Del tutto", "en": "Fully"}],
            }
        ]
    },
}


async def answered_by_all(glass: Glass, each: int) -> None:
    """A scale that every person of three groups of this size has answered, revealed."""
    await glass.day.begins(plan(SCALE))
    badges = [(await glass.day.badge(group, f"Persona {n}"))["badge"] for n in range(each) for group in GROUPS]
    await says(glass, None, "go_next")
    await says(glass, None, "open_question", "pulse", question="useful")
    for n, badge in enumerate(badges):
        await says(glass, badge, "answer", "pulse", question="useful", round=1, value=n % 11)
    await says(glass, None, "lock_question", "pulse", question="useful")
    await says(glass, None, "reveal", "pulse", question="useful")


LONG = {"it": "Una risposta lunga, che sulla parete prende due righe intere", "en": "A long answer"}


@pytest.mark.parametrize("count", [2, 5, 8, 12])
async def test_bars_of_three_groups_stand_whole_on_the_wall_whatever_their_number(glass: Glass, count: int) -> None:
    options = [{"id": f"o{n}", "text": LONG} for n in range(count)]
    question = {"id": "which", "kind": "choice", "text": LONG, "options": options}
    await glass.day.begins(plan({**SCALE, "setup": {"questions": [question]}}))
    badges = [(await glass.day.badge(group, f"Persona {n}"))["badge"] for n in range(6) for group in GROUPS]
    await says(glass, None, "go_next")
    await says(glass, None, "open_question", "pulse", question="which")
    for n, badge in enumerate(badges):
        await says(glass, badge, "answer", "pulse", question="which", round=1, value=[f"o{n % count}"])
    await says(glass, None, "lock_question", "pulse", question="which")
    await says(glass, None, "reveal", "pulse", question="which")
    wall = await glass.wall()
    await expect(wall.locator("#now .bars tbody tr")).to_have_count(count)
    last = await wall.locator("#now .bars tbody tr").last.bounding_box()
    foot = await wall.locator("#foot").bounding_box()
    assert last and foot and last["y"] + last["height"] <= foot["y"], "the last row runs into the foot"


@pytest.mark.parametrize("code", ["RM4K7T", "WWMMWW", "234567", "HDNHDN", "WB7MC2X"])
async def test_no_sign_of_a_code_is_cut_on_the_wall(glass: Glass, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.sessions.codes.new_code", lambda live: code)
    await glass.day.begins(plan(SCALE))
    wall = await glass.wall()
    drawn = await wall.evaluate("""() => {
      const range = document.createRange();
      range.selectNodeContents(document.querySelector(".lobby-right .code"));
      return [range.getBoundingClientRect().right, document.querySelector(".lobby-right .qr").getBoundingClientRect().right];
    }""")
    assert drawn[0] <= drawn[1] + 10, f"{code} ends at {drawn[0]}, the square above it at {drawn[1]}"


async def says(glass: Glass, badge: str | None, do: str, at: str | None = None, /, **having: Any) -> None:
    ask = {"id": f"{do} {badge and badge[:20]}", "stage": at, "do": do, "with": having}
    more = [badge] if badge else []
    answer = await glass.day.api("POST", f"/api/sessions/{glass.code}/asks", *more, json=ask)
    assert answer.status_code == 200, answer.text


async def test_a_scale_of_three_groups_stands_whole_on_the_wall(glass: Glass) -> None:
    await answered_by_all(glass, each=6)
    wall = await glass.wall()
    await expect(wall.locator("#now .histogram > svg[role=img]")).to_have_count(3)
    axis = await wall.locator("#now .step-ends").bounding_box()
    foot = await wall.locator("#foot").bounding_box()
    assert axis and foot and axis["y"] + axis["height"] <= foot["y"], "the last row runs into the foot"


async def test_a_desk_with_a_full_room_does_not_scroll_as_a_whole(glass: Glass) -> None:
    await answered_by_all(glass, each=14)
    desk = await glass.desk()
    await live(desk)
    await expect(desk.locator("#people .people-list li")).to_have_count(42)
    tall = await desk.evaluate("[document.scrollingElement.scrollHeight, innerHeight]")
    assert tall[0] <= tall[1], f"the page is {tall[0]} px high in a window of {tall[1]}"
