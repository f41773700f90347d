"""More than two hundred hostile texts through every field, onto every screen and into every file (G16)."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from server import activities
from server.activities.contract import clean
from server.activities.marketplace.messages import organisation_id
from server.drawing import Drawing
from server.files.sheets import Sheet
from server.files.writing import xlsx
from server.live import screens
from server.live.socket import Bucket
from server.moment import fresh
from server.sessions import access as gate
from server.sessions import names
from tests.inside import Inside, Line, inside
from tests.people import KEY, plan

pytestmark = pytest.mark.promise("G16")

#: How many texts share one session: each field holds one, or all of them in a row.
TOGETHER = 8

TAGS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x>",
    "<script\n>a</script\n>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert`1`>",
    "<svg onload=alert(1)>",
    "<svg><script>1</script></svg>",
    "<svg><animate onbegin=alert(1)>",
    "<math><mi xlink:href='javascript:1'>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<b>x'>",
    "<object data=x>",
    "<embed src=x>",
    "<link rel=stylesheet href=//evil>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<form action=//evil.example>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='data:text/html,x'>x</a>",
    "<b style=background:url(//evil)>",
    "<template><b>x</b></template>",
    "<template shadowrootmode=open>",
    "<noscript><p title='</noscript><b>'>",
    "<textarea><b>",
    "<title><b>",
    "<xmp><b>",
    "<plaintext>",
    "<dialog open>x",
    "<button data-do=end_session>x",
    "<p data-stage=x data-do=reveal>",
    "<time-ruler data-ends=1>",
    "<screen-preview>",
    "<slot name=x>",
]
HTMX = [
    "<b hx-get=/desk hx-trigger=load>",
    "<b data-hx-get=/desk data-hx-trigger=load>",
    "<b hx-post='/desk/leave'>",
    "<b hx-on:click=alert(1)>",
    "<b hx-on::load='alert(1)'>",
    "<b hx-vals='js:{a:1}'>",
    "<b hx-swap-oob=true id=now>",
    "<b hx-ext=x hx-boost=true>",
    "<hx-partial hx-target='#now'>x",
    "</hx-partial><hx-partial hx-target='#who'>",
    '</hx-partial><hx-partial hx-target="#bar">',
    "<b hx-sse='connect:/x'>",
    "<b hx-ws='connect:/x'>",
    "<b hx-headers='{}'>",
    "<b hx-select='*' hx-target=body>",
    "<main id=stage hx-disable>",
]
QUOTES = [
    '"',
    "'",
    "`",
    '">',
    "'>",
    '"><b>',
    "'><b>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)" x="',
    '" data-do="end_session" x="',
    "' data-with='{}' x='",
    '"/><script>1</script>',
    "--><b>",
    "<!--",
    "<!-- x",
    "<!-->",
    "]]>",
    "<![CDATA[",
    "<?php echo 1 ?>",
    "<?xml version='1.0'?>",
    "<!DOCTYPE x>",
    "<!ENTITY x SYSTEM 'file:///'>",
    "</title><b>",
    "</script><script>1</script>",
    "</style><b>",
    "</textarea><b>",
    "</svg></table></div></main><b>",
    "</body></html>",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "&amp;lt;b&gt;",
    "&quot;&gt;&lt;b",
    "&#x22;&#x3e;",
    "&NewLine;&Tab;",
    "&",
    "&&&",
    "<",
    ">",
    "<>",
    "</",
    "< b>",
    "<<b>>",
    "<b/ onclick=1>",
    '\\"><b>',
    "\\u003cb\\u003e",
    "\\x3cb\\x3e",
    "%3Cb%3E",
    "%253Cb%253E",
    "+ADw-b+AD4-",
    "\uff1cscript\uff1e",
    "\u2039b\u203a",
]
TEMPLATES = [
    "{{ 1337*1337 }}",
    "{{1337*1337}}",
    "{% for x in y %}",
    "{%raw%}{{1337*1337}}",
    "{# a #}",
    "{{ config }}",
    "{{ ''.__class__ }}",
    "{{ self.__init__.__globals__ }}",
    "${1337*1337}",
    "#{1337*1337}",
    "<%= 1337*1337 %>",
    "{0.__class__}",
    "{n}",
    "{}",
    "{",
    "}",
    "{{",
    "}}",
    "%s%n%d",
    "%(n)s",
    "$(id)",
    "`id`",
    "; ls",
    "| ls",
    "../../etc/passwd",
    "..\\..\\x",
    "javascript:alert(1)",
    "data:text/html,<b>",
    "vbscript:x",
    "//evil.example",
    "' OR 1=1 --",
    "'; DROP TABLE fact; --",
    '" OR ""="',
    "1; SELECT 1",
]
JSONS = [
    '{"t":"receipt"}',
    '"}',
    '"},{"x":"',
    "\\",
    "\\\\",
    '\\"',
    "\\u0000",
    "\\ud800",
    "[]",
    "null",
    "NaN",
    "true",
    "-0",
    "1e999",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
]
FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example")',
    "=IMPORTXML(1,2)",
    "@SUM(A1)",
    "+1+1",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    '"=1+1',
    "'=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "\x00=1+1",
    "\x01=1+1",
    "\ufeff=1+1",
    "\u202e=1+1",
    "%0A=1+1",
    ";=1+1",
    ",=1+1",
    "=",
    "+",
    "-",
    "@",
    "http://evil.example/",
    "file:///etc/passwd",
    "\\\\evil\\share",
    "mailto:x@evil.example",
]
SIGNS = [
    "\u202egnirts desrever",
    "\u202dx\u202c",
    "\u2066x\u2069",
    "\u2067x",
    "\u200e\u200fx",
    "a\u200bb\u200cc\u200dd",
    "\u2060x",
    "\ufeffx",
    "\ufffex",
    "\uffffx",
    "x\x00y",
    "x\x07\x08\x1by",
    "x\x1b[31my",
    "x\x7fy",
    "x\x85y",
    "x\u2028y",
    "x\u2029y",
    "x\r\ny: z",
    "x\ny",
    "x\ty",
    "   x   ",
    "\u00a0\u3000x",
    "Z\u0351\u034a\u0346\u0317a\u0308\u0323l\u0334g\u0321o" + "\u0335" * 20,
    "\u0301\u0301\u0301",
    "e\u0301 \u00e9",
    "\u212b \u00c5 A\u030a",
    "\ufdfa\ufdfa",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1ee\U0001f1f9\U0001f1ea\U0001f1fa",
    "\U000e0041\U000e0042",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u4f60\u597d\u4e16\u754c",
    "\u0130\u0131Ii\u017f\u212a",
    "\u1e9e\u00df",
    "\u0628\u0650\u0633\u0652\u0645\u0650",
    "\u2f8cx\uf900",
    "\ud7ff\ue000",
    "\U0010ffff",
    "\U0001d573\U0001d58a",
    "\u00ad\u00adx",
    "\u115f\u3164",
    "\u0e47\u0e47\u0e47",
    "1\u20e3\ufe0f",
    "\u2800",
]
CORPUS = TAGS + HTMX + QUOTES + TEMPLATES + JSONS + FORMULAS + SIGNS
#: They can only be sent as an escape of JSON or as bytes that are no UTF-8.
SURROGATES = ["\ud800", "x\udfffy", "\udc00\ud800", "<b>\ud83d", "\ud83d\ude00"]
HUGE = ["x" * 100_000, "<b>" * 20_000, "\u0301" * 5_000, "\u202e" * 9_000, "\n" * 9_000, "{{" * 9_000, "=" * 9_000]

#: Attributes that a browser follows.
FOLLOWED = {"href", "src", "action", "formaction", "data", "srcset", "poster", "ping", "xlink:href", "content"}


class Seen(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[tuple[str, str]] = set()
        self.other: list[str] = []
        self.followed: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add((tag, ""))
        for name, value in attrs:
            self.elements.add((tag, name))
            self.texts.append(value or "")
            if name in FOLLOWED:
                self.followed.append(value or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.other.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.other.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.other.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.other.append(f"<![{data}]>")


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from strings_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings_in(one)


def flat(text: str) -> str:
    return " ".join(text.split())


def texts_of(some: list[str], most: int) -> dict[str, str]:
    """All texts of a session in one field, in both languages."""
    words = " ".join(some)[:most]
    return {"it": words, "en": words[::-1]}


def sayable(some: list[str]) -> list[str]:
    """What is empty without its control signs is refused, and that is another test's."""
    return [one if clean(one).strip() else f"{one}z" for one in some]


def practice_of(id: str, one: str) -> dict[str, Any]:
    """A practice of a file with this text in each of its fields."""
    words = {"it": one, "en": one}
    fields = ("title", "place", "organisation", "instrument", "problem", "done", "limits", "improvements", "source")
    lists = {key: [words] for key in ("offers", "needs", "conditions")}
    results = [{"value": words, "evidence": words}]
    return {"practice": id, **dict.fromkeys(fields, words), **lists, "years": one[:120], "results": results}


def typed_practice(one: str) -> dict[str, Any]:
    """The same as a phone sends it."""
    fields = ("title", "problem", "done", "limits", "improvements", "place", "instrument", "years", "source")
    lists = {key: [one] for key in ("offers", "needs", "conditions")}
    return {**dict.fromkeys(fields, one), **lists, "results": [{"value": one, "evidence": one}]}


def market_of(some: list[str], short: dict[str, str], long: dict[str, str]) -> dict[str, Any]:
    practices = [practice_of(f"p{n}", one) for n, one in enumerate(some)]
    told = {"title": short, "credit": long, "note": long, "practices": practices}
    stalls = [
        {
            "id": f"s{n}",
            "title": {"it": one, "en": one},
            "text": {"it": one, "en": one},
            "table": one[:40],
            "organisation": one[:64],
            "never": [one[:64]],
            **({"practice": f"p{n}"} if n % 2 else {}),
        }
        for n, one in enumerate(some)
    ]
    return {"practices": told, "stalls": stalls, "rounds": 2, "note": long, "limit": 5}


def tables_of(some: list[str]) -> dict[str, Any]:
    tables = []
    for n, one in enumerate(some):
        # What a label may not hold is refused with the plan.
        label = " ".join(re.sub(r"[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069\ufeff]", "", one).split())
        words = {"it": one, "en": one}
        tables.append({"id": f"{n}{label}"[:40].strip(), "name": words, "host": words})
    said = [one[:80] for one in some]
    return {
        "tables": tables,
        "rounds": 2,
        "steps": 2_000,
        "organisation": "ask",
        "organisations": said,
        "wall": "names",
    }


def day_of(some: list[str]) -> dict[str, Any]:
    """A plan with these texts in every field that takes one."""
    some = sayable(some)
    short, long = texts_of(some, 110), texts_of(some, 900)
    own = [{"id": f"o{n}", "text": {"it": one, "en": one}} for n, one in enumerate(some)]
    own += [{"id": f"p{n}", "text": f"{n}"} for n in range(2 - len(own))]
    more = {"note": long, "explain": long, "source": long, "topic": " ".join(some)[:60]}
    choice = {
        "id": "c",
        "kind": "choice",
        "text": texts_of(some, 250),
        "options": [{**own[0], "right": True}, *own[1:]],
        **more,
    }
    typed = {
        "id": "t",
        "kind": "typed",
        "text": texts_of(some, 250),
        "accepted": {"it": [one for one in some if any(map(str.isalnum, one))] + ["ok"]},
        **more,
    }
    part = {"heading": short, "text": long, "points": [one["text"] for one in own], "source": short}
    poll = {"id": "c", "kind": "choice", "text": short, "options": own}
    may = {"link": "everyone", "comment": "everyone", "group": "everyone"}
    zone = {"key": "z", "role": "challenge", "title": short, "prompt": long, "at": [1, 1, 12, 8], "may": may}
    stages = {
        "talk": {"parts": [part]},
        "quiz": {"questions": [choice, typed], "board": "people_top"},
        "poll": {"questions": [poll, {**poll, "id": "r", "kind": "ranking"}]},
        "words": {"prompt": short, "moderation": "after"},
        "canvas": {"board": {"key": "hostile", "title": short, "credit": long, "zones": [zone]}, "names": "name"},
        "idea": {"form": "card", "per": "room"},
        "marketplace": market_of(some, short, long),
        "tables": tables_of(some),
    }
    made = [
        {"id": name, "activity": name, "title": short, "notes": long, "setup": setup, "level": "named"}
        for name, setup in stages.items()
    ]
    groups = [{"id": f"g{n}", "name": {"it": one, "en": one}} for n, one in enumerate(some)]
    return plan(*made, title=short, credits=long, groups=groups)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "DELAY_FIRST", 0.0)
    monkeypatch.setattr(gate, "DELAY_MOST", 0.0)
    # Whoever comes sees the state of this moment, never one a tenth of a second old: every story shows the same.
    monkeypatch.setattr(screens, "EVERY", 0.0)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path / "data") as door:
        door.house.access._delay = 0.0
        yield door


async def sends(door: Inside, method: str, path: str, key: str | None, body: Any) -> Any:
    """JSON as ASCII, so that lone surrogates travel as escapes."""
    headers = {"Content-Type": "application/json"}
    answer = await door.call(method, path, key, content=json.dumps(body), headers=headers)
    assert answer.status_code < 500, f"{path} {body!r:.200}: {answer.text[:300]}"
    return answer


async def asks(door: Inside, key: str, do: str, at: str | None = None, **having: Any) -> Any:
    body = {"id": fresh(), "stage": at, "do": do, "with": having}
    return await sends(door, "POST", f"/api/sessions/{door.code}/asks", key, body)


class Story:
    """A whole session told with some texts; all that it showed is kept."""

    def __init__(self, door: Inside, some: list[str]) -> None:
        self.door, self.some = door, some
        self.html: list[str] = []
        self.json: list[Any] = []
        self.badges: list[str] = []
        #: {part of the day: (its first page, its first view)}, in order.
        self.began: dict[str, tuple[int, int]] = {}
        self.path = f"path-{fresh()}".lower()[:30].rstrip("-_")

    async def pages(self, *paths: str) -> None:
        access = self.door.house.access
        cookie = f"{access.badge_cookie(self.door.code)}={self.badges[0]}" if self.badges else ""
        for path in paths:
            # No key goes to a person's page: there it would be taken for the badge.
            key = KEY if path.startswith("/desk") else None
            answer = await self.door.call("GET", path, key, headers={"Accept": "text/html", "Cookie": cookie})
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
            self.html.append(answer.text)

    async def screens(self) -> None:
        """What the sockets of all three screens say, and the JSON views."""
        code = self.door.code
        for screen, key in (("phone", self.badges[0]), ("desk", KEY), ("wall", None)):
            line: Line = await self.door.screen(screen, key, "html")
            assert line.heard[0]["t"] == "welcome", line.closed
            self.html.append(line.heard[0]["html"])
            self.json.append({**line.heard[0], "html": ""})
            await line.leaves()
            answer = await self.door.call("GET", f"/api/sessions/{code}/view?screen={screen}", key)
            self.json.append(answer.json())

    async def told(self) -> Story:
        door, some = self.door, self.some
        await door.begins({**day_of(some), "path": self.path})
        code = door.code
        await self.pages(f"/j/{code}", f"/j/{code}?lang=en", f"/desk/{code}", "/desk")
        for n, one in enumerate(some):
            body = {"name": one, "group": f"g{n}", "language": "it"}
            answer = await sends(door, "POST", f"/api/sessions/{code}/badges", None, body)
            assert answer.status_code == 201
            self.badges.append(answer.json()["badge"])
        people = list(door.live.room.folded.session.people)
        for whose in ("desk", *people):
            for stage in ("marketplace", "tables"):
                # How fast somebody may ask is another file's.
                door.live.buckets[f"{whose} {stage}"] = door.live.buckets[whose] = Bucket(1e6, 1e6)
        for badge, person, one in zip(self.badges, people, some, strict=True):
            await asks(door, badge, "take_table", table=one[:40])
            await asks(door, KEY, "rename_person", person=person, name=one[:40] or "x")
        await self.screens()
        await door.does("go_next")
        await self.screens()
        await door.does("go_next")
        for question in ("c", "t"):
            await door.does("open_question", "quiz", question=question)
            for n, badge in enumerate(self.badges):
                value = ["o0"] if question == "c" else some[n][:60]
                await asks(door, badge, "answer", "quiz", question=question, round=1, value=value)
            await door.does("lock_question", "quiz", question=question)
            for one in some:
                await asks(door, KEY, "accept_text", "quiz", question="t", text=one)
            await door.does("reveal", "quiz", question=question)
            await self.screens()
            await asks(door, KEY, "explain", "quiz", question=question)
            await self.pages(f"/wall/{code}", f"/s/{code}", f"/desk/{code}")
        await asks(door, KEY, "show_board", "quiz", question="t")
        await self.pages(f"/wall/{code}")
        await door.does("go_next")
        await door.does("open_question", "poll", question="c")
        await asks(door, KEY, "cancel_question", "poll", question="c", reason=" ".join(some)[:300])
        await self.screens()
        await door.does("open_question", "poll", question="r")
        await self.screens()
        await door.does("go_next")
        for badge, one in zip(self.badges, some, strict=True):
            for text in {one, one + " ciao"}:
                await asks(door, badge, "add_word", "words", text=text)
        await asks(door, KEY, "merge_words", "words", **{"from": some[0], "into": some[-1]})
        await self.screens()
        await door.does("go_next")
        notes = [f"note{n:012d}" for n in range(len(some))]
        for note, badge, one in zip(notes, self.badges, some, strict=True):
            await asks(door, badge, "add_note", "canvas", note=note, zone="z", text=one)
            await asks(door, badge, "comment", "canvas", comment=note, note=note, text=one)
            await asks(door, badge, "make_group", "canvas", group=note, notes=[note], title=one)
            await asks(door, badge, "link", "canvas", link=note, **{"from": note, "to": notes[0]}, label=one[:60])
            await asks(door, KEY, "make_checkpoint", "canvas", checkpoint=note, name=one)
            await asks(door, KEY, "draft_idea", "canvas", idea=note, notes=[note], fields={"title": one})
        await self.screens()
        await self.pages(f"/wall/{code}", f"/s/{code}", f"/desk/{code}")
        await door.does("go_next")
        for note, badge, one in zip(notes, self.badges, some, strict=True):
            fields = {"summary": {"it": one}, "proposal": {"it": one, "en": one}, "area.name": one[:200]}
            rows = {f"actors/{note}": {"name": one[:200]}, f"obstacles/{note}": {"text": {"it": one}}}
            await asks(door, badge, "edit_idea", "idea", idea=note, base={}, set=fields | rows)
            await asks(door, badge, "argue", "idea", idea=note, argument=note, side="for", text=one)
        await asks(door, KEY, "show_idea", "idea", idea=notes[0])
        await self.screens()
        await self.pages(f"/wall/{code}", f"/s/{code}", f"/desk/{code}")
        await self.the_market(sayable(some), people)
        await self.the_tables(sayable(some), people)
        await self.the_path(sayable(some))
        await self.pages(f"/desk/{code}/preview/quiz", f"/desk/{code}/stages/poll/import".replace("poll", "talk"))
        await asks(door, KEY, "pause", message=" ".join(some)[:200])
        await self.screens()
        await self.pages(f"/wall/{code}?lang=en", f"/keep/{code}")
        await door.does("end_session")
        await self.pages(f"/desk/{code}", f"/wall/{code}")
        return self

    async def keeps(self, key: str, do: str, at: str | None, **having: Any) -> None:
        """An ask that must be kept."""
        answer = await asks(self.door, key, do, at, **having)
        assert answer.status_code == 200, f"{do} {having}: {answer.text}"

    async def until(self, what: Callable[[], Any]) -> None:
        """Waits for what the house works out by itself."""
        async with asyncio.timeout(20):
            while not what():
                await asyncio.sleep(0.005)

    async def everywhere(self) -> None:
        code = self.door.code
        await self.screens()
        await self.pages(f"/wall/{code}", f"/s/{code}", f"/desk/{code}")

    def begins_part(self, name: str) -> None:
        self.began[name] = (len(self.html), len(self.json))

    def part(self, name: str) -> tuple[str, str]:
        """(texts on pages, texts in views) of one part of the day alone."""
        names = [*self.began, ""]
        html, views = self.began[name]
        after = self.began.get(names[names.index(name) + 1], (None, None))
        shown = (text for seen in self.seen[html : after[0]] for text in seen.texts)
        told = (text for view in self.json[views : after[1]] for text in strings_in(view))
        return flat(" ".join(shown)), flat(" ".join(told))

    async def prints(self, stage: str, *kinds: str) -> None:
        """What a stage has on paper; no text of it becomes a link or anything else that a reader of PDF acts on."""
        # That file tries these texts too, and is read after this one.
        from tests.test_reports import objects

        for kind, language in zip(kinds, ("it", "en"), strict=False):
            where = f"/api/sessions/{self.door.code}/stages/{stage}/kit/{kind}.pdf?lang={language}"
            answer = await self.door.call("GET", where, KEY)
            assert answer.status_code == 200 and answer.content.startswith(b"%PDF-"), f"{kind}: {answer.text[:300]}"
            doing = re.findall(
                r"/(?:URI|JavaScript|JS|Launch|SubmitForm|GoToR|EmbeddedFile)\b", objects(answer.content)
            )
            assert doing == [], f"{kind} of {self.some}: {doing}"

    async def the_market(self, said: list[str], people: list[str]) -> None:
        door, at = self.door, "marketplace"
        mine = list(zip(range(len(said)), self.badges, said, strict=True))
        await door.does("go_next")
        self.begins_part(at)
        await self.everywhere()
        for n, badge, one in mine:
            new, note = f"stall{n:011d}", f"question{n:08d}"
            await self.keeps(badge, "say_organisation", at, organisation=one)
            await self.keeps(badge, "add_practice", at, stall=new, fields=typed_practice(one))
            await self.keeps(badge, "edit_practice", at, stall=new, set={"limits": f"{one} x", "offers": [one, "x"]})
            await self.keeps(badge, "wish", at, stall=f"s{n}", level=3)
            await self.keeps(badge, "avoid", at, stall=f"s{(n + 1) % len(said)}", on=True)
            await self.keeps(badge, "turn_away", at, stall=new, organisation=organisation_id(one), on=True)
            await self.keeps(badge, "write_note", at, note=note, stall=f"s{n}", kind="question", text=one)
            named = {"title": f"{one} y", "table": one, "organisation": one}
            await self.keeps(KEY, "set_stall", at, stall=f"s{n}", set=named)
            await self.keeps(KEY, "set_organisation", at, person=people[n], organisation=one)
        brought = [practice_of(f"b{n}", one) for n, one in enumerate(said[:2])]
        await self.keeps(KEY, "bring_practices", at, practices=brought)
        await self.keeps(KEY, "remove_stall", at, stall="b0")
        await self.everywhere()
        state = door.live.room.folded.runs
        await self.keeps(KEY, "ask_for_plan", at)
        await self.until(lambda: state[at].asked is None)
        await self.pages(f"/desk/{door.code}")
        await self.keeps(KEY, "publish_plan", at, plan=state[at].offered.number)
        await self.prints(at, "slips", "sheets")
        await self.keeps(KEY, "start_round", at)
        for n, badge, _ in mine:
            await self.keeps(badge, "check_in", at, stall=f"s{n}")
        await self.everywhere()
        await self.keeps(KEY, "end_round", at)
        await self.keeps(KEY, "go_to", at, phase="panel")
        ids = [organisation_id(one) for one in said]
        for n, badge, one in mine:
            await self.keeps(badge, "say_tags", at, offers=[one], needs=[said[n - 1]])
            other = next((id for id in [*ids[n + 1 :], *ids] if id != ids[n]), None)
            if other is None:
                continue
            more = {"strength": 3, "kind": "both", "topic": one}
            await self.keeps(badge, "want_peer", at, organisation=other, **more)
            peer = f"peer{n:012d}"
            await self.keeps(badge, "propose_peer", at, peer=peer, parties=[other], topic=one)
            agreed = {"owner": one, "first_step": f"{one}\n{one}", "date": "2027-03-01", "format": "call"}
            await self.keeps(badge, "set_peer", at, peer=peer, base=99, set=agreed)
        await self.everywhere()
        if len(set(ids)) > 1:
            await self.keeps(KEY, "ask_for_pairs", at)
            await self.until(lambda: state[at].pairs_asked is None)
            await self.pages(f"/desk/{door.code}")
            await self.keeps(KEY, "publish_pairs", at, pairs=state[at].pairs_offered.number)
            await self.everywhere()

    async def the_tables(self, said: list[str], people: list[str]) -> None:
        door, at = self.door, "tables"
        await door.does("go_next")
        self.begins_part(at)
        for badge, one in zip(self.badges, said, strict=True):
            await self.keeps(badge, "say_organisation", at, organisation=one)
        await self.everywhere()
        if people[1:]:
            await self.keeps(KEY, "keep_apart", at, one=people[0], other=people[1])
        state = door.live.room.folded.runs
        first = next(iter(state[at].tables))
        await self.keeps(KEY, "pin_person", at, person=people[0], table=first)
        await self.keeps(KEY, "ask_for_seating", at, seed=1)
        await self.until(lambda: state[at].asked is None)
        await self.everywhere()
        await self.keeps(KEY, "move_person", at, person=people[-1], table=first)
        await self.keeps(KEY, "publish_seating", at)
        await self.everywhere()
        await self.prints(at, "slips", "tents")

    async def the_path(self, said: list[str]) -> None:
        """What the market left, on the pages of the path and in its files."""
        door = self.door
        await door.does("close_stage")
        await door.house.paths.rest()
        self.begins_part("path")
        where = f"/desk/paths/{self.path}"
        chosen = "&".join(f"compare={door.code}:{id}" for id in ("s0", "s1"))
        tag = quote(f"offers:{said[0]}")
        await self.pages("/desk/paths", where, f"{where}?lang=en&{chosen}", f"{where}?tag={tag}")
        peers = door.house.paths.live[self.path].line.folded.peers.followed
        for n, (peer, one) in enumerate(zip(list(peers), said, strict=False)):
            change = {"result": one, "topic": f"{one} z", "owners": {organisation_id(said[n]): one}, "status": "done"}
            body = {"id": fresh(), "stage": None, "do": "follow_peer", "with": {"peer": peer, "set": change}}
            await sends(door, "POST", f"/api/paths/{self.path}/asks", KEY, body)
        await self.pages(where, f"{where}?lang=en")

    @cached_property
    def seen(self) -> list[Seen]:
        return [Seen(one) for one in self.html]


async def plain_elements(door: Inside) -> set[tuple[str, str]]:
    """Every element and attribute that the same story shows when it is told with harmless texts."""
    elements: set[tuple[str, str]] = set()
    eight = ["uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto"]
    for some in (eight, ["uno", "due", "tre"], ["uno"], ["<b>", "x", "y"]):
        if some[0] != "<b>":
            for one in (await Story(door, some).told()).seen:
                elements |= one.elements
    return elements


#: The one address of ours that is data: the page's own little picture.
FAVICON = str(Drawing({}).environment.globals["favicon"])


def strange_in(story: Story, allowed: set[tuple[str, str]]) -> list[str]:
    found = []
    for html, seen in zip(story.html, story.seen, strict=True):
        found += [f"element {one}" for one in seen.elements - allowed]
        found += [f"{one}" for one in seen.other if one.lower() != "<!doctype html>"]
        for one in seen.followed:
            if one == FAVICON:
                continue
            if re.match(r"\s*(?:javascript|vbscript|data)\s*:|//", one, re.IGNORECASE) or "evil" in one:
                found.append(f"leads to {one}")
        if str(1337 * 1337) in html:
            found.append("a template was run")
    return found


def test_the_corpus_is_large_enough_and_says_nothing_twice() -> None:
    assert len(CORPUS) >= 200 and len(set(CORPUS)) == len(CORPUS)


def test_the_parser_sees_what_was_not_escaped() -> None:
    for text in TAGS[:20] + HTMX:
        seen = Seen(f'<p title="x">{text}</p>')
        assert seen.elements - {("p", ""), ("p", "title")} or seen.other, text


async def test_G16_no_text_becomes_an_element_an_attribute_or_an_address_on_any_screen(door: Inside) -> None:
    allowed = await plain_elements(door)
    assert not [one for one in allowed if one[1].startswith("on") or one[1] == "style"]
    assert {one[1] for one in allowed if "hx-" in one[1]} <= {"hx-target", "hx-swap", "hx-ignore"}
    for start in range(0, len(CORPUS), TOGETHER):
        some = CORPUS[start : start + TOGETHER]
        story = await Story(door, some).told()
        assert strange_in(story, allowed) == [], some
        shown = flat(" ".join(text for seen in story.seen for text in seen.texts))
        views = flat(" ".join(text for view in story.json for text in strings_in(view)))
        for one in some:
            told = flat(clean(one))
            assert told in shown and told in views, f"{one!r} did not survive"
            name = names.tidy(one)
            assert name in shown, f"the name {name!r} did not survive"
        for part in ("marketplace", "tables", "path"):
            shown, views = story.part(part)
            for one in sayable(some):
                assert flat(clean(one)) in shown, f"{one!r} did not survive on the pages of the {part}"
                assert part == "path" or flat(clean(one)) in views, (
                    f"{one!r} did not survive in the views of the {part}"
                )
        await files_of(door, some)
        await files_of_path(door, story.path, sayable(some))


async def files_of(door: Inside, some: list[str]) -> None:
    """The exports, the facts and the people's own data of this session, read back."""
    base = f"/api/sessions/{door.code}"
    for path in (f"{base}/outcomes", f"{base}/export.json", f"/desk/{door.code}/plan.json"):
        answer = await door.call("GET", path, KEY)
        assert answer.status_code == 200
        text = " ".join(strings_in(json.loads(answer.content.decode("utf-8"), parse_constant=bad_constant)))
        assert all(flat(clean(one)) in flat(text) for one in some), path
    facts = await door.call("GET", f"{base}/facts", KEY)
    lines = [
        json.loads(line, parse_constant=bad_constant) for line in facts.content.decode("utf-8").split("\n") if line
    ]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    for language, delimiter in (("it", ";"), ("en", ",")):
        no_formula_cells(await door.call("GET", f"{base}/export.csv?lang={language}", KEY), delimiter)
    no_formulas(await door.call("GET", f"{base}/export.xlsx", KEY))


async def files_of_path(door: Inside, path: str, said: list[str]) -> None:
    """The files of the path, with the practices and the activities that the market left."""
    base = f"/api/paths/{path}/export"
    answer = await door.call("GET", f"{base}.json", KEY)
    whole = json.loads(answer.content.decode("utf-8"), parse_constant=bad_constant)
    practices, peers = (flat(" ".join(strings_in(whole[name]))) for name in ("practices", "peers"))
    assert all(flat(clean(one)) in practices for one in said)
    assert len(said) < 2 or all(flat(clean(one)) in peers for one in said)
    for kind, language in (("csv", "it"), ("peers.csv", "it"), ("peers.csv", "en")):
        no_formula_cells(
            await door.call("GET", f"{base}.{kind}?lang={language}", KEY), ";" if language == "it" else ","
        )
    no_formulas(await door.call("GET", f"{base}.xlsx", KEY))
    calendar = (await door.call("GET", f"{base}.ics", KEY)).content.decode("utf-8")
    lines = calendar.replace("\r\n ", "").split("\r\n")
    names = {re.split("[:;]", line)[0] for line in lines if line}
    assert names <= {
        *("BEGIN", "END", "VERSION", "PRODID", "CALSCALE", "UID", "DTSTAMP", "DTSTART", "DTEND"),
        *("SUMMARY", "DESCRIPTION", "URL", "TRANSP", "TZID", "TZOFFSETFROM", "TZOFFSETTO"),
    }, names
    for kind in ("docx", "pdf"):
        assert (await door.call("GET", f"{base}.{kind}", KEY)).status_code == 200


def no_formula_cells(answer: Any, delimiter: str) -> None:
    for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=delimiter):
        for cell in row:
            number = re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell)
            assert number or not cell.startswith(
                ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
            ), cell


def no_formulas(answer: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        for name in book.namelist():
            part = book.read(name).decode("utf-8")
            assert "<f>" not in part and "<f " not in part, f"{name} holds a formula"
            assert "<hyperlink" not in part and "relationships/hyperlink" not in part, f"{name} holds a link"
            assert 'TargetMode="External"' not in part


def bad_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


async def test_G16_no_text_in_an_address_a_form_or_a_header_becomes_html(door: Inside) -> None:
    allowed = await plain_elements(door)
    await door.begins()
    await door.does("lock_room")
    code = door.code
    # Pages that the story does not visit bring elements of their own.
    for path in ("/", "/nowhere", "/desk/preflight", f"/j/{code}/back", "/desk/none"):
        for method, key in (("GET", KEY), ("GET", None), ("POST", None)):
            answer = await door.call(
                method, path, key, headers={"Accept": "text/html"}, data={} if method == "POST" else None
            )
            allowed |= Seen(answer.text).elements
    allowed |= Seen(
        (await door.call("POST", f"/j/{code}", data={"name": "uno"}, headers={"Accept": "text/html"})).text
    ).elements
    allowed |= Seen((await door.call("POST", "/", data={"code": "uno"}, headers={"Accept": "text/html"})).text).elements
    allowed |= Seen(
        (await door.call("POST", "/desk", KEY, data={"plan": "uno"}, headers={"Accept": "text/html"})).text
    ).elements
    for one in CORPUS:
        word = quote(one, safe="")
        line = re.sub(r"[^\x20-\x7e]", "?", one).strip()
        headers = {"Accept": "text/html", "Accept-Language": line, "Cookie": f"officina_lang={quote(one)}"}
        for method, path, key, form in (
            ("POST", "/", None, {"code": one[:40]}),
            ("POST", f"/j/{code}", None, {"name": one[:200], "own_name": one[:200], "group": one[:40]}),
            ("POST", f"/j/{code}", None, {"name": one[:200], "group": one[:40], "reroll": one}),
            ("POST", "/desk", KEY, {"plan": one}),
            ("POST", "/desk/enter", None, {"key": one}),
            ("GET", f"/?lang={word}", None, None),
            ("GET", f"/j/{word}", None, None),
            ("GET", f"/wall/{code}?lang={word}", None, None),
            ("GET", f"/desk/{code}/preview/{word}", KEY, None),
            ("GET", f"/{word}", None, None),
            ("GET", f"/try/{word}", None, None),
        ):
            answer = await door.call(method, path, key, headers=headers, data=form)
            assert answer.status_code < 500, f"{method} {path}"
            if answer.headers.get("content-type", "").startswith("text/html"):
                seen = Seen(answer.text)
                assert seen.elements <= allowed, f"{method} {path} {form}: {seen.elements - allowed}"
                assert [two for two in seen.other if two.lower() != "<!doctype html>"] == []
                assert str(1337 * 1337) not in answer.text
            else:
                assert answer.headers.get("content-type", "application/json").split(";")[0] == "application/json"


async def test_G16_texts_of_an_imported_file_are_shown_and_never_run(door: Inside) -> None:
    quiz = {"id": "quiz", "activity": "quiz", "title": "Quiz", "setup": {"questions": []}}
    head: list[Any] = [
        "",
        "Question",
        "Answer 1",
        "Answer 2",
        "Answer 3",
        "Answer 4",
        "Time limit (sec)",
        "Correct answer(s)",
    ]
    plain: set[tuple[str, str]] = set()
    size = 80
    for some in [["Perche?", "Come?"], *(CORPUS[n : n + size] for n in range(0, len(CORPUS), size))]:
        await door.begins(plan(quiz))
        rows: list[list[Any]] = [
            [n, f"Domanda {one}", one or "-", "altro", f"terza {one}", "", 20, "1"] for n, one in enumerate(some, 1)
        ]
        book = xlsx([Sheet("Sheet1", [head, *rows])])
        name = (some[0].replace("\n", " ").replace("\r", " ").replace("\x00", "") or "a") + ".xlsx"
        path = f"/desk/{door.code}/stages/quiz/import"
        page = await door.call("POST", path, KEY, files={"file": (name, book)})
        assert page.status_code == 200, page.text[:300]
        seen = Seen(page.text)
        if not plain:
            plain = seen.elements
        # A warning may bring what a list of warnings needs, never an attribute that does something.
        more = {
            two
            for two in seen.elements - plain
            if two[0] not in ("ul", "li", "p", "span", "svg", "use", "path", "td", "tr")
        }
        assert more == set(), more
        assert [two for two in seen.other if two.lower() != "<!doctype html>"] == []
        assert not [two for two in seen.elements if two[1].startswith(("on", "hx-", "data-hx")) and two not in plain]
        saved = await door.call(
            "POST", f"/api/sessions/{door.code}/stages/quiz/import", KEY, files={"file": (name, book)}
        )
        assert saved.status_code == 200
        assert len(saved.json()["questions"]) >= len(some) - 5
        shown = await door.call("GET", f"/desk/{door.code}/preview/quiz", KEY)
        assert Seen(shown.text).other in ([], ["<!doctype html>"]) and "<script>alert" not in shown.text
        pasted = "\n\n".join(f"{flat(one)}?\n- {flat(one)} *\n- no" for one in some)
        page = await door.call("POST", path, KEY, data={"text": pasted})
        assert page.status_code in (200, 422)
        assert not [
            two for two in Seen(page.text).elements if two[1].startswith(("on", "hx-", "data-hx")) and two not in plain
        ]


async def test_G16_lone_surrogates_and_huge_texts_are_taken_or_refused_and_break_nothing(door: Inside) -> None:
    await door.begins()
    number_of_sessions = 0
    for one in SURROGATES + HUGE:
        code = door.code
        await sends(door, "POST", "/api/sessions", KEY, {"plan": one})
        answer = await sends(door, "POST", "/api/sessions", KEY, {"plan": day_of([one, one, one]) | {"title": "x"}})
        number_of_sessions += answer.status_code == 201
        odd = plan({"id": "t", "activity": "talk", "title": "x", "setup": {"parts": [{"heading": one, "text": one}]}})
        for made in (odd, plan(title=one), plan(path=one), plan(languages=[one]), {**plan(), one: 1}):
            await sends(door, "POST", "/api/sessions", KEY, {"plan": made, "title": one, "language": one[:5]})
            await sends(door, "POST", "/api/sessions", KEY, {"plan": made})
        base = f"/api/sessions/{code}"
        answer = await sends(door, "POST", f"{base}/badges", None, {"name": one, "language": one[:8]})
        if answer.status_code == 201:
            badge = answer.json()["badge"]
            for field in ("id", "stage", "do"):
                body = {"id": "i", "stage": None, "do": "take_table", "with": {"table": one}} | {field: one}
                await sends(door, "POST", f"{base}/asks", badge, body)
            await asks(door, badge, "take_table", table=one)
            await asks(door, badge, "answer", "poll", question=one, round=1, value=one)
            await asks(door, badge, "answer", "poll", question="obstacle", round=1, value={one: one})
        await asks(door, KEY, "pause", message=one)
        await asks(door, KEY, "open_stage", stage=one)
        await sends(door, "POST", f"/j/{code}/badge", None, {"badge": one})
        await sends(door, "POST", "/desk/enter", None, {"once": one})
        await sends(door, "POST", f"/desk/{code}/rehearse", KEY, {"people": one})
        for form in (b"name=%ED%A0%80&own_name=%FF%FE%00", b"name=\xff\xfe&group=\x00", b"\xed\xa0\x80"):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = await door.call("POST", f"/j/{code}", content=form, headers=headers)
            assert answer.status_code < 500
            answer = await door.call("POST", "/", content=form.replace(b"name", b"code"), headers=headers)
            assert answer.status_code < 500
        for path in (f"/desk/{code}", "/desk", f"{base}/facts", f"{base}/export.xlsx", f"{base}/export.csv"):
            answer = await door.call("GET", path, KEY)
            assert answer.status_code == 200, path
            answer.content.decode("utf-8", "strict" if not path.endswith("xlsx") else "replace")
        line = await door.screen("desk", KEY)
        assert line.heard[0]["t"] == "welcome"
        await line.leaves()
    assert number_of_sessions < len(SURROGATES + HUGE), "a title of 100,000 signs is refused"


@pytest.mark.parametrize("place", ["stage", "group", "activity", "question", "option", "language"])
async def test_ids_with_signs_of_their_own_are_refused(door: Inside, place: str) -> None:
    """Ids stand in attributes, addresses and file names, so they are letters, digits and a few signs."""
    for one in [*CORPUS, "", " ", "a b", "a/b", "a.b" if place in ("stage", "group") else "a b", "x" * 65]:
        if re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", one):
            continue
        made = plan()
        match place:
            case "stage":
                made["stages"] = [{**made["stages"][0], "id": one}]
            case "activity":
                made["stages"] = [{**made["stages"][0], "activity": one}]
            case "group":
                made["groups"] = [{"id": one, "name": "x"}]
            case "language":
                made["title"] = {one: "x"}
            case _:
                question = json.loads(json.dumps(made["stages"][0]["setup"]["questions"][0]))
                (question if place == "question" else question["options"][0])["id"] = one
                made["stages"] = [{**made["stages"][0], "setup": {"questions": [question]}}]
        answer = await sends(door, "POST", "/api/sessions", KEY, {"plan": made})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_plan"), one


def test_every_activity_is_part_of_the_story() -> None:
    told = {stage["activity"] for stage in day_of(["x"])["stages"]}
    assert set(activities.found()) <= told, "tell the new activity's texts in Story and day_of"
