"""The cases that rules and browser share, run in a real browser: patches, foresight, lengths and sums come out as in Python."""

from __future__ import annotations

import json
import unicodedata
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from server.live import patches
from tests import people
from tests.browser.glass import Glass

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLDER = Path(__file__).resolve().parents[2] / "server" / "activities" / "canvas" / "vectors"
CASES: list[dict[str, Any]] = [
    case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text("utf-8"))
]

#: Runs `what(board, given)` with board.js as this server gives it out, at the address that its pages name.
WITH_BOARD = """async ([address, given, what]) => {
  const board = await import(address);
  const doing = { PATCHED, GUESSED, COUNTED, SUMMED, READ };
  return doing[what](board, given);

  function PATCHED({ apply }, cases) {
    return cases.map(({ before, entries }) => {
      const sign = JSON.stringify(before);
      const after = entries.reduce(apply, before);
      return { after, untouched: JSON.stringify(before) === sign };
    });
  }

  function GUESSED({ guess, shownFrom }, cases) {
    return cases.map(({ view, mine, me, ask, after, mine_after }) => {
      const own = view.board.tables?.find((one) => one.label === me.table)?.key;
      const who = { ...me, table: own ?? null };
      const before = shownFrom(view, mine, [], who).view;
      const seen = guess(before, ask, mine, who);
      const waits = shownFrom(view, mine, [{ ...ask, id: "1" }], who);
      const there = after && shownFrom(after, mine_after, [], who);
      const again = after && shownFrom(after, mine_after, [{ ...ask, id: "1", number: 1 }], who);
      return {
        guess: seen ? (seen.refused ? `refused:${seen.refused}` : "shown") : "none",
        changes: JSON.stringify(waits.view) !== JSON.stringify(before) || JSON.stringify(waits.mine) !== JSON.stringify(mine),
        before: before.notes, foreseen: waits.view.notes, come: there?.view.notes, again: again?.view.notes,
        dots: waits.mine.dots, dots_come: there?.mine.dots,
      };
    });
  }

  function COUNTED({ count }, texts) { return texts.map(count); }
  function SUMMED({ digest }, views) { return views.map(digest); }
  function READ({ outOfColumns }, views) { return views.map(outOfColumns); }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """The wall of a running Officina; board.js stands beside every page's other scripts."""
    async with people.officina(tmp_path_factory.mktemp("vectors")) as day:
        await day.begins()
        glass = Glass(browser, day)
        yield await glass.wall()
        await glass.closes()
    glass.is_clean()


async def in_browser(page: Page, what: str, given: Any) -> list[Any]:
    line = await page.evaluate("document.querySelector('script[src*=\"line.js\"]').src")
    address = line.replace("line.js", "activities/canvas/board.js")
    assert address != line
    found: list[Any] = await page.evaluate(WITH_BOARD, [address, given, what])
    return found


def of_screen(case: dict[str, Any], part: str, screen: str) -> Any:
    """A wall that sees what a phone sees is left out of a case."""
    return case[part][screen] if screen in case[part] else case[part]["phone"]


async def test_every_patch_leads_from_the_view_before_to_the_view_after(page: Page) -> None:
    given, expected = [], []
    for case in CASES:
        for screen in ("phone", "wall", "desk") if "patch" in case else ():
            entries = of_screen(case, "patch", screen)
            # what is too big for a patch is fetched
            if {"all": True} in entries:
                continue
            known = [entry for entry in entries if entry is not None]
            given.append({"before": of_screen(case, "before", screen), "entries": known})
            expected.append((f"{case['name']}, {screen}", of_screen(case, "after", screen)))
    assert len(given) > 200
    for (name, after), found in zip(expected, await in_browser(page, "PATCHED", given), strict=True):
        assert found["after"] == after, name
        assert found["untouched"], f"{name}: the view before was changed in place"


def asked_by_phone() -> list[dict[str, Any]]:
    return [case for case in CASES if case["moment"]["actor"] == "phone" and "me" in case]


async def test_what_an_ask_will_probably_do_is_foreseen_as_the_case_says(page: Page) -> None:
    cases = asked_by_phone()
    assert len(cases) >= 85 and {case["guess"] for case in cases} >= {"shown", "none", "refused:zone_full"}
    found = await in_browser(page, "GUESSED", [for_guess(case) for case in cases])
    wrong = [
        f"{case['name']}: {one['guess']} and not {case['guess']}"
        for case, one in zip(cases, found, strict=True)
        if one["guess"] != case["guess"]
    ]
    assert not wrong, "\n".join(wrong)
    for case, one in zip(cases, found, strict=True):
        if case["guess"] != "shown":
            assert not one["changes"], f"{case['name']}: something is drawn that was not foreseen"


def for_guess(case: dict[str, Any]) -> dict[str, Any]:
    me = {**case["me"], "table": case["me"].get("table")}
    given = {"view": case["before"]["phone"], "mine": case["mine_before"], "me": me, "ask": case["ask"]}
    return {**given, "after": case.get("after", {}).get("phone"), "mine_after": case.get("mine")}


#: What a guess says of the note that an ask names; its revisions and what others did to it come with the facts.
FORESEEN = ("zone", "text", "colour", "kind")


async def test_what_is_foreseen_is_what_comes_unless_two_people_wrote_in_one_note(page: Page) -> None:
    cases = [case for case in asked_by_phone() if case["guess"] == "shown" and case["then"].get("facts")]
    found = await in_browser(page, "GUESSED", [for_guess(case) for case in cases])
    seen = 0
    for case, one in zip(cases, found, strict=True):
        if case.get("rule", "current base") != "current base":
            continue
        asked = case["ask"]["with"]
        for note in [asked["note"]] if "note" in asked else asked.get("notes", []):
            seen += 1
            assert (note in one["foreseen"]) == (note in one["come"]), case["name"]
            if note in one["come"]:
                drawn, come = one["foreseen"][note], one["come"][note]
                fields = [*FORESEEN, *(["group"] if "notes" in asked else [])]
                # where others' notes are hidden a phone cannot know which one is the last
                if case["before"]["phone"]["zones"][come["zone"]]["visible"] == "all" or "y" in asked:
                    fields += ["x", "y"]
                assert [drawn.get(name) for name in fields] == [come.get(name) for name in fields], case["name"]
        if case["ask"]["do"] == "place_dots":
            seen += 1
            nonzero = [
                {target: n for target, n in dots[asked["round"]].items() if n}
                for dots in (one["dots"], one["dots_come"])
            ]
            assert nonzero[0] == nonzero[1], case["name"]
    assert seen > 25


async def test_an_ask_that_came_already_changes_nothing_a_second_time(page: Page) -> None:
    """Between its receipt and the own part an ask is still guessed; a note or a text that is there must not double."""
    kinds = ("add_note", "edit_text", "move_note", "colour_note", "make_group", "react")
    cases = [case for case in asked_by_phone() if case["then"].get("facts") and case["ask"]["do"] in kinds]
    found = await in_browser(page, "GUESSED", [for_guess(case) for case in cases])
    assert len(cases) > 20
    for case, one in zip(cases, found, strict=True):
        if case.get("rule", "current base") == "current base":
            assert one["again"].keys() == one["come"].keys(), case["name"]
            assert one["again"] == one["come"], case["name"]


TEXTS = [
    "",
    "una nota",
    "e\u0301 una sola e con l'accento",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 famiglia",
    "𝕬𝖇𝖈" * 170,
    "a\u0000b\u001fc\u007fd\u0085e\nf\tg",
    "\u2066scritto\u2069 \u202eal contrario\u202c\ufeff",
    "due\u2028righe\u2029qui",
    "\uac00\u1112\u1161\u11ab",
    "ﬁ ﬀ Å Å Å",
    "x" * 500,
    "x" * 501,
]


def length(text: str) -> int:
    """Code points after NFC, without control characters other than the line feed and without what turns or splits lines."""
    unseen = {*"\u2028\u2029\ufeff\ufffe\uffff", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
    kept = (one for one in text if one == "\n" or (unicodedata.category(one) != "Cc" and one not in unseen))
    return len(unicodedata.normalize("NFC", "".join(kept)))


async def test_a_text_has_the_same_length_on_the_phone_and_in_the_rules(page: Page) -> None:
    written = [case["ask"]["with"]["text"] for case in CASES if "text" in case["ask"]["with"]]
    texts = [*TEXTS, *written]
    assert await in_browser(page, "COUNTED", texts) == [length(text) for text in texts]


def summed(view: dict[str, Any]) -> str:
    """CRC-32 of each shared object's `<collection> <id> <canonical JSON>`, added up modulo 2^32."""
    total = 0
    for collection, things in view.items():
        for id, thing in {"": things}.items() if collection == "board" else things.items():
            canonical = json.dumps(thing, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            total += zlib.crc32(f"{collection} {id} {canonical}".encode())
    return f"{total & 0xFFFFFFFF:08x}"


async def test_a_board_has_the_same_sum_on_every_screen_and_on_the_server(page: Page) -> None:
    views = [view for case in CASES for part in ("before", "after") for view in case.get(part, {}).values()]
    first = next(view for view in views if view["notes"])
    changed = json.loads(json.dumps(first))
    note = next(iter(changed["notes"].values()))
    note["text"] = 'Perché no? "Sì" \\ 𝕬 \u007f \u2028 é\ttab\nriga </script>'
    views += [changed, {"board": {"key": "empty"}, "notes": {}}]
    assert summed(changed) != summed(first)
    found = await in_browser(page, "SUMMED", views)
    assert found == [summed(view) for view in views]
    assert found == [patches.digest(view) for view in views]
    assert len(set(found)) > 50


async def test_a_board_that_came_in_columns_is_the_board_that_was_sent(page: Page) -> None:
    views = [view for case in CASES for part in ("before", "after") for view in case.get(part, {}).values()]
    everything = {f"{n:04d}{id}": note for n, view in enumerate(views) for id, note in view["notes"].items()}
    views.append({**views[0], "notes": everything})
    assert {"group", "reactions", "author", "variant_of"} <= {name for note in everything.values() for name in note}
    sent = [{**view, "notes": patches.in_columns(view["notes"])} for view in views]
    assert await in_browser(page, "READ", sent) == views
    assert await in_browser(page, "READ", views) == views
