"""The API against its own description, and the readers of frames and plans against any bytes at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pydantic import ValidationError
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from server.app import make_app
from server.live import envelope
from server.live.envelope import Malformed
from server.live.rooms import Rooms
from server.sessions import access as gate
from server.sessions import plans
from server.sessions.plan import Plan
from server.settings import Settings
from tests.people import KEY, officina, plan

pytestmark = pytest.mark.promise("G15")

EXAMPLES = 40
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.unsupported_method,
]


def operation(found: Any) -> Any:
    return found.ok()


SCHEMA = schemathesis.openapi.from_dict(make_app(Settings(data=Path(tempfile.gettempdir()) / "never")).http.openapi())
OPERATIONS = {f"{one.method.upper()} {one.path}": one for one in map(operation, SCHEMA.get_all_operations())}
#: Where a path is all there is, every text fits it.
CALLS = [(name, GenerationMode.POSITIVE) for name in OPERATIONS] + [
    (name, GenerationMode.NEGATIVE) for name, one in OPERATIONS.items() if len(one.body) or len(one.query)
]


@dataclass
class Running:
    """A server in a thread of its own, because schemathesis calls it and waits."""

    url: str
    code: str
    badge: str
    stop: Any


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    patch = pytest.MonkeyPatch()
    # Every guessed code would wait.
    patch.setattr(gate, "DELAY_FIRST", 0.0)
    patch.setattr(gate, "DELAY_MOST", 0.0)
    ready = threading.Event()
    found: list[Running] = []

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with officina(tmp_path_factory.mktemp("fuzz"), room_cap=100_000) as day:
            day.house.access._delay = 0.0
            code = await day.begins()
            badge = (await day.badge())["badge"]
            found.append(Running(day.url, code, badge, lambda: loop.call_soon_threadsafe(over.set)))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    found[0].stop()
    thread.join(30)
    patch.undo()


def test_the_description_names_every_call_of_the_api() -> None:
    assert len(OPERATIONS) >= 25
    assert all(re.search(" /api/(sessions|paths)", name) or name == "GET /healthz" for name in OPERATIONS)


@pytest.mark.parametrize(("name", "kind"), CALLS, ids=[f"{name} {kind.value}" for name, kind in CALLS])
def test_no_call_breaks_the_server_and_every_answer_is_as_described(
    running: Running, name: str, kind: GenerationMode
) -> None:
    strange = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=OPERATIONS[name].as_strategy(generation_mode=kind),
        real=some.sampled_from([True, True, True, False]),
        key=some.sampled_from([KEY, KEY, "badge", ""]),
    )
    def call(case: Any, real: bool, key: str) -> None:
        nonlocal strange
        if real and case.path_parameters:
            # Guessed codes end at the door; these go further in.
            case.path_parameters |= {"code": running.code}
            there = {"stage": "poll", "kind": "xlsx" if key else "none"}
            case.path_parameters |= {one: there[one] for one in there if one in case.path_parameters}
        bearer = running.badge if key == "badge" else key
        headers = {"Origin": running.url} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        with requests.Session() as session:
            session.trust_env = False
            answer = case.call(base_url=running.url, session=session, headers=headers)
        strange += answer.status_code >= 400
        case.validate_response(answer, checks=CHECKS)

    call()
    if kind is GenerationMode.NEGATIVE:
        assert strange > 0, "what does not fit the description is refused"


# -- readers --------------------------------------------------------------------------------------------------------

LEAVES = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20)
JSON = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=6) | some.dictionaries(some.text(max_size=12), inner, max_size=8),
    max_leaves=40,
)
QUICK = settings(max_examples=400, deadline=None, database=None)
SOME = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@given(some.text(max_size=400) | some.binary(max_size=400) | JSON.map(json.dumps))
@QUICK
def test_reading_a_frame_gives_an_object_or_the_sentence_why_not(data: str | bytes) -> None:
    try:
        frame = envelope.read(data)
        id, stage, do, having = envelope.parts_of_ask(frame)
    except Malformed as why:
        assert str(why)
        return
    assert 1 <= len(id) <= envelope.MAX_ID and isinstance(do, str) and isinstance(having, dict)
    assert stage is None or isinstance(stage, str)


@given(JSON, some.dictionaries(some.sampled_from(["id", "stage", "do", "with", "t", "x"]), JSON))
@QUICK
def test_the_parts_of_an_ask_are_what_they_say_or_malformed(having: Any, frame: dict[str, Any]) -> None:
    for one in (frame, {"id": "a", "do": "x", "with": having}, {"id": having, "do": "x"}):
        try:
            id, _, _, found = envelope.parts_of_ask(one)
        except Malformed:
            continue
        assert id.isprintable() and isinstance(found, dict)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 30_000,
        '{"t":"ask","with":' + "[" * 500 + "]" * 500 + "}",
        '{"t":"\\ud800"}',
        '{"t":NaN}',
        '{"t":1e999}',
        '{"t":' + "9" * 60_000 + "}",
        "\ufeff{}",
        "\x00",
        '{"t":"a","t":"b"}',
        '{"' + "k" * 65_000 + '":1}',
    ],
)
def test_frames_made_to_hurt_a_parser_hurt_nothing(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(envelope.read(text), dict)


def test_depth_keys_and_size_end_at_their_limits() -> None:
    def nested(depth: int) -> str:
        return '{"a":' * depth + "1" + "}" * depth

    assert envelope.read(nested(envelope.MAX_DEPTH))
    assert envelope.read(json.dumps({f"k{n}": 1 for n in range(envelope.MAX_KEYS)}))
    assert envelope.read('{"a":"' + "x" * (envelope.MAX_BYTES - 8) + '"}')
    for text in (
        nested(envelope.MAX_DEPTH + 1),
        json.dumps({f"k{n}": 1 for n in range(envelope.MAX_KEYS + 1)}),
        '{"a":"' + "x" * (envelope.MAX_BYTES - 7) + '"}',
        '{"a":[' + nested(envelope.MAX_DEPTH) + "]}",
    ):
        with pytest.raises(Malformed):
            envelope.read(text)


@given(
    some.binary(max_size=300) | some.text(max_size=300).map(str.encode) | JSON.map(lambda one: json.dumps(one).encode())
)
@QUICK
def test_reading_a_plans_bytes_gives_an_object_or_the_sentence_why_not(data: bytes) -> None:
    try:
        assert isinstance(plans.parse(data, "a.toml"), dict)
    except ValueError as why:
        assert "a.toml" in str(why)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"a = " + b"[" * 50_000,
        b"a." * 1_000 + b"b = 1",
        b"{" + b"9" * 10_000,
        b"\xff\xfe",
    ],
)
def test_plans_made_to_hurt_a_parser_hurt_nothing(data: bytes) -> None:
    with pytest.raises(ValueError):
        Plan.read(plans.parse(data))


FIELDS = some.sampled_from([*Plan.model_fields, "groups", "stages", "x"])


@given(some.dictionaries(FIELDS, JSON, max_size=8) | JSON)
@SOME
def test_a_plan_is_read_or_names_the_places_that_do_not_fit(data: Any) -> None:
    try:
        Plan.read(data)
    except ValidationError as error:
        assert plans.sentence(error) and all(one["text"] for one in plans.problems(error))


@given(
    some.sampled_from(["talk", "poll", "quiz", "words", "marketplace", "tables"]),
    JSON,
    some.dictionaries(
        some.sampled_from(
            ["questions", "parts", "prompt", "each", "practices", "stalls", "rounds", "tables", "weights"]
        ),
        JSON,
    ),
)
@SOME
def test_the_setup_of_a_stage_is_taken_or_refused_and_never_raises_anything_else(
    activity: str, whole: Any, fields: Any
) -> None:
    from server import activities

    found = activities.found()
    for setup in (whole, fields):
        made = plan({"id": "a", "activity": activity, "title": "x", "setup": setup})
        try:
            read = Plan.read(made)
            Rooms.check(Checker(found), read)  # type: ignore[arg-type]
        except ValueError:
            continue


@dataclass
class Checker:
    """As much of the rooms as checking a plan needs."""

    activities: Any
