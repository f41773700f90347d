"""What must hold for any sequence of asks, however odd."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ..merge import merge
from ..messages import Happening, Me, Moment, Refusal
from . import sample
from .codes import values_of
from .drafting import from_draft
from .fields import LEAVES
from .left import IdeaOutcome
from .rules import Context, decide, evolve, mine, outcomes, schema, start, view
from .test_rules import ASKS, FACTS, GROUPS, NOW, Room, drafted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uid", "text", "it", "en", "exact", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
LEAVES_SEEN = list(sample.full())
PATHS = st.sampled_from([*LEAVES_SEEN, *LEAVES, "risks/x", "next_steps/x", "nothing", "a/b/c", "/", ""])
WORDS = st.lists(
    st.sampled_from(["orari", "serali", "per", "il", "parco", "e", "la", "scuola"]), min_size=1, max_size=9
)
VALUES = st.one_of(
    JSON, WORDS.map(lambda words: {"it": " ".join(words)}), st.sampled_from(list(sample.full().values()))
)
PAIRS = st.one_of(
    st.sampled_from(list(sample.full().items())),
    st.tuples(st.just("proposal"), WORDS.map(" ".join)),
    st.tuples(st.just("risks/r"), WORDS.map(lambda words: {"text": " ".join(words), "likelihood": len(words) % 5 + 1})),
    st.tuples(st.sampled_from([*LEAVES_SEEN, "title"]), st.none()),
    st.tuples(PATHS, VALUES),
)
SET = st.lists(PAIRS, min_size=1, max_size=3).map(dict)
IDEA = st.sampled_from(["idea"] * 8 + ["other", "gone"])
SOME = st.sampled_from


def one_of_a_kind(do: str, **fields: Any) -> Any:
    return st.tuples(st.just(do), st.fixed_dictionaries({"idea": IDEA, **fields}))


def of_edits(drawn: Any) -> Any:
    do, fields = drawn
    return do, {**fields, "base": dict.fromkeys(fields["set"], fields["base"])}


STEPS = st.one_of(
    one_of_a_kind("new_idea", fields=SET, sources=st.just([{"field": "problem", "note": "n"}]) | st.just([])),
    one_of_a_kind("edit_idea", set=SET, base=st.integers(0, 4)).map(of_edits),
    one_of_a_kind("edit_idea", set=SET, base=st.integers(1, 2)).map(of_edits),
    one_of_a_kind("settle_field", field=SOME(["proposal", "risks/r", "title"]), keep=SOME(["mine", "theirs", "both"])),
    one_of_a_kind(
        "move_idea", to=SOME(values_of("state")), into=IDEA, reason=SOME(["other", "done"]), explanation=SOME(["", "Sì"]),
        office=SOME(["", "Casa"]), date=st.just("2027-01"), override=SOME([None, "Si va"]),
    ),
    one_of_a_kind("move_idea", to=SOME(["draft", "review", "published", "submitted"]), override=st.just("Si va"),
                  office=st.just("Casa"), date=st.just("2027")),
    one_of_a_kind("merge_ideas", into=IDEA),
    one_of_a_kind(
        "endorse", version=st.integers(1, 3), level=SOME(["support", "support_with_conditions", "neutral", "object", None]),
        conditions=SOME([[], [{"text": "se", "degree": "must"}, {"field": "risks/r", "degree": "should_not"}]]),
        reason=SOME([None, "Perché"]),
    ),
    one_of_a_kind("fulfil_condition", condition=st.just("c"), fulfilled=st.booleans()),
    one_of_a_kind("argue", argument=SOME(["a", "b"]), side=SOME(["for", "against"]), text=st.text(max_size=9)),
    one_of_a_kind("withdraw_argument", argument=SOME(["a", "b"])),
    one_of_a_kind(
        "answer_idea", decision=SOME(values_of("decision")), text=st.text(max_size=3), office=st.just("Casa"),
        date=st.just("2027"), cost=SOME([None, "1"]), cost_report=SOME([None, {"it": "x"}]), execution_period=st.just("2027"),
    ),
    one_of_a_kind("link_source", field=PATHS, source=st.dictionaries(SOME(["note", "round", "votes"]), JSON, max_size=2)),
    one_of_a_kind("link_source", field=st.just("problem"), source=SOME([{"note": "n"}, {"note": "m", "stage": "s"}])),
    one_of_a_kind("unlink_source", field=st.just("problem"), thing=SOME(["n", "m"])),
    one_of_a_kind("set_step_status", step=SOME(["meet", "x"]), status=SOME(values_of("step_status")), reason=SOME([None, "No"])),
    one_of_a_kind("add_reading", indicator=SOME(["i1", "x"]), reading=SOME(["r", "q"]), date=st.just("2027"), value=st.just(3)),
)  # fmt: skip
ACTS = st.tuples(STEPS, SOME(["c1", "s1", "s2", None, None]))
#: How far the idea has come before the asks begin.
BEGUN = st.sampled_from([None, [], [], [], ["review"], ["review", "published"], ["review", "published", "submitted"]])


def played(acts: Any, begun: list[str] | None) -> tuple[Room, list[Any]]:
    room = Room(prefix="X", sizes={GROUPS[0]: 6, GROUPS[1]: 6})
    if begun is not None:
        room.desk("new_idea", idea="idea", fields=sample.full())
        for to in begun:
            room.desk("move_idea", idea="idea", to=to, override="Si va", office="Casa", date="2027")
        assert room.idea.state == (begun[-1] if begun else "draft")
    answers = []
    for (do, fields), who in acts:
        before = room.state
        if do == "fulfil_condition" and "idea" in room.state.ideas:
            every = [one.uid for backing in room.idea.endorsements.values() for one in backing.conditions]
            fields = {**fields, "condition": next(iter(every), "c")}
        try:
            answer = room.put("phone" if who else "desk", do, who, **fields)
        except ValidationError:
            continue
        answers.append((do, answer))
        if isinstance(answer, Refusal):
            assert room.state is before
            json.dumps(answer.details)
    return room, answers


@given(st.lists(ACTS, min_size=8, max_size=30), BEGUN)
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
def test_any_sequence_of_asks_never_raises_and_replays_to_the_same_state(acts: Any, begun: Any) -> None:
    room, _ = played(acts, begun)
    for screen in ("phone", "wall", "desk"):
        json.dumps(view(room.state, screen), allow_nan=False)
    mine(room.state, Me("c1"))
    left = json.loads(json.dumps(outcomes(room.state), allow_nan=False))
    for one in left:
        IdeaOutcome.model_validate(one)
        assert not isinstance(Room().desk("take_in_idea", outcome=one), Refusal)
    assert room.replayed() == room.state


@given(st.sampled_from(list(ASKS)), JSON, JSON)
def test_an_ask_made_of_anything_is_malformed_or_decided(do: str, one: Any, other: Any) -> None:
    fields = {name: one if n % 2 else other for n, name in enumerate(ASKS[do].model_fields)}
    try:
        ask = ASKS[do].model_validate(fields | {"idea": "idea"})
    except (ValidationError, RecursionError):
        return
    decide(drafted(sample.card()).state, ask, Moment(NOW, "desk"))


def words_of(room: Room, path: str) -> list[str]:
    values = [room.idea.fields.get(path), *(one.value for one in room.idea.variants.get(path, ()))]
    texts = [value.get("text", value) if isinstance(value, dict) else value for value in values]
    return [text.get("it", "") for text in texts if isinstance(text, dict)]


@given(WORDS, WORDS, WORDS, st.booleans())
@settings(deadline=None)
def test_no_edit_is_ever_overwritten_in_silence(first: Any, second: Any, third: Any, row: bool) -> None:
    """After two edits from one base both texts are found: joined, beside each other, or refused to their author."""
    base, one, other = (" ".join(words) for words in (first, second, third))
    path = "risks/r" if row else "proposal"

    def value(text: str) -> dict[str, Any]:
        return {"text": {"it": text}} if row else {"it": text}

    room = drafted({path: value(base)})
    room.phone("c1", "edit_idea", idea="idea", base={path: 1}, set={path: value(one)})
    answer = room.phone("s1", "edit_idea", idea="idea", base={path: 1}, set={path: value(other)})
    found = words_of(room, path)
    assert not isinstance(answer, Refusal)
    joined = merge(base, one, other) if base not in (one, other) and one != other else None
    if other == base:
        assert found == [one]
    elif joined is not None:
        assert found == [joined]
    else:
        assert found == list(dict.fromkeys([one if one != base else other, other]))


@given(
    st.dictionaries(st.sampled_from(["kind", "owner", "due", "likelihood"]), st.integers(1, 5), max_size=2),
    st.integers(1, 5), st.integers(1, 5),
)  # fmt: skip
def test_values_that_are_no_text_are_joined_or_refused_and_never_lost(junk: Any, mine_: int, theirs: int) -> None:
    room = drafted({"risks/r": {"likelihood": 1, "impact": 1}})
    room.phone(
        "c1", "edit_idea", idea="idea", base={"risks/r": 1}, set={"risks/r": {"likelihood": theirs, "impact": 1}}
    )
    answer = room.phone(
        "s1", "edit_idea", idea="idea", base={"risks/r": 1}, set={"risks/r": {"likelihood": mine_, "impact": 2}}
    )
    row = room.idea.fields["risks/r"]
    if theirs != 1 and mine_ not in (1, theirs):
        assert isinstance(answer, Refusal) and row == {"uid": "r", "likelihood": theirs, "impact": 1}
    else:
        assert row == {"uid": "r", "likelihood": mine_ if theirs == 1 else theirs, "impact": 2}


@given(JSON, st.dictionaries(st.sampled_from(["idea", "fields", "notes", "stage", "table"]), JSON, max_size=5))
def test_a_draft_of_anything_makes_fields_that_fit(note: Any, draft: dict[str, Any]) -> None:
    draft["notes"] = [note, {"note": "n", "role": "obstacle", "text": "x", "sets": note}]
    fields, sources = from_draft(draft)
    state = start(Context())
    ask = ASKS["new_idea"].model_validate({"idea": "idea", "fields": fields, "sources": sources})
    assert not isinstance(decide(state, ask, Moment(NOW, "desk")), Refusal)


def test_the_schema_is_the_same_every_time_and_closed() -> None:
    whole = json.dumps(schema(), sort_keys=True)
    assert whole == json.dumps(schema(), sort_keys=True)
    assert '"additionalProperties": false' in whole


def test_facts_read_from_a_journal_are_what_was_written() -> None:
    room = drafted(sample.full())
    [made] = [one.fact for one in room.kept]
    assert FACTS["idea_made"].model_validate_json(made.model_dump_json()) == made
    assert evolve(start(Context(groups=GROUPS)), Happening(made, NOW)).ideas["idea"].fields == sample.full()
