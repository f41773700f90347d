"""A session of Officina seen from outside: the wire of a host at the desk and of many phones."""

import asyncio
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.load.client import Answer, ConnectionRefused, HttpLine, OnText, Socket, fetch, open_socket, text_frame
from tests.load.measures import LIMIT, Match, NotMeasured

# In the question's text in both languages and nowhere else, so that a frame that holds it shows the open question.
MARKER = b"Giambellino"
# Words that stand in no text of the plan, so that a view that holds one is the view of that stage.
STAGES = ("warmup", "kitchen", "library", "market", "garden")
OPTIONS = ("a", "b", "c", "d", "e")
HELLO = b'{"t":"hello","v":1,"screen":"%s","as":"%s","last":null,"epoch":null}'

_TEXTS = (
    (
        "Una portineria di quartiere dove qualcuno ascolta, orienta e accompagna agli sportelli",
        "A neighbourhood front desk where somebody listens, guides people and goes along to the offices",
    ),
    (
        "Spazi comunali aperti la sera e il sabato, gestiti insieme da associazioni e uffici",
        "Municipal rooms open in the evening and on Saturday, run together by associations and offices",
    ),
    (
        "Un fondo piccolo e veloce per provare idee dei cittadini, con risposta entro trenta giorni",
        "A small and fast fund to try out citizens' ideas, with an answer within thirty days",
    ),
    (
        "Dati aperti e comprensibili su servizi, attese e spese del municipio, aggiornati ogni mese",
        "Open and understandable data on services, waiting times and spending, updated every month",
    ),
    (
        "Un percorso comune di formazione per funzionari e innovatori sociali, con scambi sul campo",
        "A shared training path for civil servants and social innovators, with exchanges in the field",
    ),
)


def plan() -> dict[str, Any]:
    """Five stages with the same choice question of five options, so that one crowd of phones can measure an opening five times."""
    question = {
        "id": "q1",
        "kind": "choice",
        "pick": {"min": 1, "max": 1},
        "text": {
            "it": "Quale di queste azioni aiuterebbe di più chi vive al Giambellino a partecipare alle decisioni del municipio?",
            "en": "Which of these actions would most help people in Giambellino to take part in the decisions of the municipality?",
        },
        "options": [{"id": key, "text": {"it": it, "en": en}} for key, (it, en) in zip(OPTIONS, _TEXTS, strict=True)],
    }
    stages = [
        {
            "id": stage,
            "activity": "poll",
            "title": {"it": "Una domanda per cominciare", "en": "A question to begin with"},
            "minutes": 5,
            "notes": "",
            "level": "pseudonym",
            "setup": {"questions": [question]},
        }
        for stage in STAGES
    ]
    return plan_of(stages)


def plan_of(stages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A plan with these stages, in Italian and English, for the two groups of a co-design path."""
    groups = [
        {"id": "civil_servants", "name": {"it": "Funzionari pubblici", "en": "Civil servants"}},
        {"id": "social_innovators", "name": {"it": "Innovatori sociali", "en": "Social innovators"}},
    ]
    title = {"it": "Prova di carico", "en": "Load test"}
    return {
        "title": title,
        "phase": "sensitisation",
        "languages": ["it", "en"],
        "groups": groups,
        "stages": list(stages),
    }


def kind_of(frame: bytes) -> bytes:
    """The first four letters of the frame's type. `t` is the first key of every frame, so nothing need be parsed."""
    return frame[6:10] if frame[5:6] == b'"' else frame[7:11]


def fresh_id() -> str:
    return os.urandom(16).hex()


def ask_payload(stage: str | None, do: str, with_: dict[str, Any], ask_id: str) -> bytes:
    return json.dumps(
        {"t": "ask", "id": ask_id, "stage": stage, "do": do, "with": with_}, separators=(",", ":")
    ).encode()


def answer_payload(stage: str, value: str, ask_id: str, round_: int = 1) -> bytes:
    return ask_payload(stage, "answer", {"question": "q1", "round": round_, "value": [value]}, ask_id)


def is_receipt(socket: Socket, frame: bytes) -> bool:
    """The receipt of the ask this socket waits for. A refusal of it is an error at once: the figures are about kept answers."""
    if socket.awaited not in frame:
        return False
    kind = kind_of(frame)
    if kind == b"refu":
        raise NotMeasured(f"{socket.name} was refused: {frame[:300].decode(errors='replace')}")
    return kind == b"rece"


def shows(stage: str) -> Match:
    """Whether a frame is a view of that stage."""
    mark = stage.encode()
    return lambda _, frame: kind_of(frame) == b"view" and mark in frame


def is_open_question(socket: Socket, frame: bytes) -> bool:
    del socket
    return kind_of(frame) == b"view" and MARKER in frame


@dataclass(slots=True)
class Badge:
    badge: str
    person: str
    cookies: list[str] = field(default_factory=list)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.badge}"}


def _expect(answer: Answer, status: int, what: str) -> Any:
    if answer.status != status:
        raise NotMeasured(
            f"{what}: status {answer.status} instead of {status}: {answer.body[:500].decode(errors='replace')}"
        )
    return json.loads(answer.body)


async def new_badge(line: HttpLine, port: int, code: str, group: str | None = None) -> Badge:
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}
    body = b'{"language":"it"}' if group is None else json.dumps({"language": "it", "group": group}).encode()
    answer = await line.request("POST", f"/api/sessions/{code}/badges", headers, body)
    made = _expect(answer, 201, "a badge")
    return Badge(made["badge"], made["person"], answer.cookies)


async def open_phone(port: int, code: str, badge: Badge, as_: bytes = b"html", on_text: OnText | None = None) -> Socket:
    """A phone's socket after its welcome; `seen_at` is when the welcome came, `bytes_down` its size."""
    return await open_screen(port, code, badge.bearer, b"phone", as_, badge.person, on_text)


async def open_screen(
    port: int, code: str, headers: dict[str, str], screen: bytes, as_: bytes, name: str, on_text: OnText | None = None
) -> Socket:
    """Any screen's socket after its welcome; `headers` say who it is, none for a wall."""
    welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def greet(socket: Socket, frame: bytes, at: int) -> None:
        if not welcomed.done() and kind_of(frame) == b"welc":
            socket.seen_at = at
            socket.bytes_down = len(frame)
            welcomed.set_result(None)
        elif on_text is not None:
            on_text(socket, frame, at)

    def lost(socket: Socket) -> None:
        if not welcomed.done():
            welcomed.set_exception(
                ConnectionRefused(f"{socket.name}: closed with {socket.close_code} before the welcome")
            )

    socket = await open_socket(port, f"/live/{code}", headers, greet, name)
    socket.on_close = lost
    if not socket.closed:
        socket.send(HELLO % (screen, as_))
    else:
        lost(socket)
    try:
        async with asyncio.timeout(LIMIT):
            await welcomed
    except BaseException:
        socket.abort()
        raise
    socket.on_close = None
    if on_text is not None:
        socket.on_text = on_text
    return socket


class Desk:
    """The host: asks over a desk socket with the host key, and waits for receipts."""

    def __init__(self, port: int, host_key: str, code: str) -> None:
        self.code = code
        self._port = port
        self.bearer = {"Authorization": f"Bearer {host_key}"}
        self._waiting: dict[bytes, asyncio.Future[int]] = {}
        self.socket: Socket | None = None

    @classmethod
    async def open(cls, port: int, host_key: str, of: dict[str, Any] | None = None) -> "Desk":
        """A fresh session of a plan, plan() without one, and its desk. Raises NotMeasured when the server refuses it."""
        line = await HttpLine.open(port)
        headers = {"Authorization": f"Bearer {host_key}", "Content-Type": "application/json"}
        answer = await line.request(
            "POST", "/api/sessions", headers, json.dumps({"plan": of or plan(), "language": "it"}).encode()
        )
        line.close()
        desk = cls(port, host_key, _expect(answer, 201, "a session")["code"])
        await desk.connect()
        return desk

    async def connect(self) -> None:
        self.socket = await open_screen(self._port, self.code, self.bearer, b"desk", b"json", "the desk", self._heard)

    def _heard(self, socket: Socket, frame: bytes, at: int) -> None:
        del socket, at
        kind = kind_of(frame)
        if kind not in (b"rece", b"refu"):
            return
        message = json.loads(frame)
        future = self._waiting.pop(message["id"].encode(), None)
        if future is None or future.done():
            return
        if kind == b"rece":
            future.set_result(message["number"])
        else:
            future.set_exception(NotMeasured(f"the desk was refused: {message.get('code')}: {message.get('text')}"))

    def ask(self, do: str, with_: dict[str, Any] | None = None, stage: str | None = None) -> asyncio.Future[int]:
        """Send one ask; the future gives the number of its receipt, or raises NotMeasured when it was refused."""
        if self.socket is None or self.socket.closed:
            raise NotMeasured("the desk's socket is closed")
        ask_id = fresh_id()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[ask_id.encode()] = future
        self.socket.send(ask_payload(stage, do, with_ or {}, ask_id))
        return future

    async def asks(self, do: str, with_: dict[str, Any] | None = None, stage: str | None = None) -> int:
        """ask(), with a time bound."""
        try:
            async with asyncio.timeout(LIMIT):
                return await self.ask(do, with_, stage)
        except TimeoutError:
            raise NotMeasured(f"the desk's {do} had no receipt after {LIMIT:.0f} s") from None

    async def opens(self, stage: str) -> None:
        """Open a stage and its question; both are on the screens or about to be."""
        await self.asks("open_stage", {"stage": stage})
        await self.asks("open_question", {"question": "q1"}, stage)

    async def facts(self, after: int = 0) -> list[dict[str, Any]]:
        answer = await fetch(self._port, f"/api/sessions/{self.code}/facts?after={after}", self.bearer, limit=LIMIT)
        if answer.status != 200:
            raise NotMeasured(f"GET facts: status {answer.status}: {answer.body[:300].decode(errors='replace')}")
        return [json.loads(line) for line in answer.body.splitlines() if line.strip()]

    async def kept(self, ask_ids: Sequence[str]) -> tuple[int, int]:
        """How many of these asks the journal holds as an answer, and how many answers it holds more than once."""
        times = dict.fromkeys(ask_ids, 0)
        for fact in await self.facts():
            if fact["kind"] == "answered" and fact.get("ask") in times:
                times[fact["ask"]] += 1
        return sum(count > 0 for count in times.values()), sum(count > 1 for count in times.values())


async def badges(
    port: int, code: str, count: int, lines: int = 16, groups: Sequence[str | None] = (None,)
) -> list[Badge]:
    """That many fresh badges, over a few kept-alive connections; `groups` are given out in turn on each of them."""

    async def some(share: int) -> list[Badge]:
        line = await HttpLine.open(port)
        try:
            return [await new_badge(line, port, code, groups[n % len(groups)]) for n in range(share)]
        finally:
            line.close()

    shares = [count // lines + (index < count % lines) for index in range(lines)]
    return [badge for made in await asyncio.gather(*(some(share) for share in shares if share)) for badge in made]


async def phones(port: int, code: str, count: int, at_once: int = 32) -> list[Socket]:
    """That many fresh people with their phones connected, calmly: this is the set-up of a measurement, not one itself."""
    gate = asyncio.Semaphore(at_once)

    async def one(badge: Badge) -> Socket:
        async with gate:
            return await open_phone(port, code, badge)

    return list(await asyncio.gather(*(one(badge) for badge in await badges(port, code, count))))


def answers(sockets: Sequence[Socket], stage: str, value: str, round_: int = 1) -> tuple[list[str], list[bytes]]:
    """An ask id and a framed answer for every phone; each socket then waits for its own receipt."""
    ids = [fresh_id() for _ in sockets]
    for socket, ask_id in zip(sockets, ids, strict=True):
        socket.awaited = ask_id.encode()
    return ids, [text_frame(answer_payload(stage, value, ask_id, round_)) for ask_id in ids]


class ReturningPhone:
    """A phone that comes back: reconnects with full jitter and sends again whatever has no receipt yet, under the same ask id."""

    def __init__(self, port: int, code: str, badge: Badge) -> None:
        self.badge = badge
        self.outbox: dict[str, bytes] = {}
        self.receipts: dict[str, int] = {}
        self.changed_receipts = 0
        self.refusals: list[str] = []
        self.welcomed_at = 0
        self._port = port
        self._code = code
        self._socket: Socket | None = None
        self._gone = asyncio.Event()
        self._stopped = False

    async def live(self) -> None:
        """Connect, stay, come back, until stop()."""
        attempt = 0
        while not self._stopped:
            self._gone.clear()
            try:
                socket = await open_phone(self._port, self._code, self.badge, on_text=self._heard)
            except (OSError, TimeoutError):
                await asyncio.sleep(random.uniform(0, min(8.0, 0.25 * 2**attempt)))
                attempt += 1
                continue
            attempt = 0
            self.welcomed_at = socket.seen_at
            self._socket = socket
            socket.on_close = self._lost
            if socket.closed:
                self._gone.set()
            for payload in list(self.outbox.values()):
                socket.send(payload)
            await self._gone.wait()
            self._socket = None
            if not self._stopped:
                await asyncio.sleep(random.uniform(0, 0.25))
                attempt = 1

    def send(self, ask_id: str, payload: bytes) -> None:
        self.outbox[ask_id] = payload
        if self._socket is not None and not self._socket.closed:
            self._socket.send(payload)

    def stop(self) -> None:
        self._stopped = True
        if self._socket is not None:
            self._socket.close()
        self._gone.set()

    def _lost(self, socket: Socket) -> None:
        del socket
        self._gone.set()

    def _heard(self, socket: Socket, frame: bytes, at: int) -> None:
        del socket, at
        kind = kind_of(frame)
        if kind == b"rece":
            message = json.loads(frame)
            known = self.receipts.setdefault(message["id"], message["number"])
            self.changed_receipts += known != message["number"]
            self.outbox.pop(message["id"], None)
        elif kind == b"refu":
            message = json.loads(frame)
            self.refusals.append(str(message.get("code")))
            if message.get("again"):
                asyncio.get_running_loop().call_later(random.uniform(0.1, 1.0), self._send_again, message["id"])
            else:
                self.outbox.pop(message["id"], None)

    def _send_again(self, ask_id: str) -> None:
        if ask_id in self.outbox:
            self.send(ask_id, self.outbox[ask_id])
