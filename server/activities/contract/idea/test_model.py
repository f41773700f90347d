"""The form: what it takes, how it is erased, and that every leaf goes there and back."""

import json
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from server.outcomes import marks

from ..messages import Happening, Marked
from . import messages, sample
from .codes import CODES
from .conflict import ChangedSince, TwoWordings, joined
from .fields import CARD, LEAVES, bare, described, leaves_of, read, tree_of, type_of
from .model import LText, Money, PartialDate, PolicyIdea, Row, first_day, last_day
from .rules import evolve, start

CANARY = "canarino"


def filled(annotation: Any, seen: list[str], name: str = "") -> Any:
    """A value of a type in which every text a person may type is a word of its own, listed in `seen`."""
    annotation = bare(annotation)
    marked = any(isinstance(one, Marked) for one in getattr(annotation, "__metadata__", ()))
    if annotation == LText:
        return {"it": filled(Annotated[str, Marked("free_text")], seen)}
    if get_origin(annotation) is Annotated:
        if marked:
            seen.append(f"https://{CANARY}{len(seen)}.it" if "url" in name else f"{CANARY}{len(seen)}")
            return seen[-1]
        pattern = next((one.pattern for one in annotation.__metadata__ if getattr(one, "pattern", None)), None) or next(
            (field.pattern for one in annotation.__metadata__ for field in getattr(one, "metadata", ()) if getattr(field, "pattern", None)),
            None,
        )  # fmt: skip
        if pattern is not None:
            return "2026" if annotation == PartialDate or "9]{3}" in pattern else "7"
        return filled(get_args(annotation)[0], seen, name)
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if get_origin(annotation) is list:
        return [filled(get_args(annotation)[0], seen, name)]
    if annotation is Money:
        return {"exact": "7"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        found = {}
        for field_name, field in annotation.model_fields.items():
            if field_name != "geometry":
                whole = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
                found[field_name] = filled(whole, seen, field_name)
        return found
    if annotation is str:
        return "code"
    return True if annotation is bool else 1 if annotation is int else {}


def whole_form() -> tuple[PolicyIdea, list[str]]:
    seen: list[str] = []
    tree = filled(PolicyIdea, seen)
    for row in tree["evidence"]:
        row["year"] = 2026
    return PolicyIdea.model_validate(tree), seen


def test_every_text_of_the_whole_form_is_found_and_erased() -> None:
    form, seen = whole_form()
    assert len(seen) > 100
    fact = messages.IdeaMade(idea="idea", fields=form)
    body = json.loads(fact.model_dump_json())
    assert marks.texts(messages.IdeaMade, body) == set(seen)
    erased = marks.erased(messages.IdeaMade, body)
    assert CANARY not in erased
    state = evolve(start(), Happening(messages.IdeaMade.model_validate_json(erased), 1))
    assert CANARY not in str(state) and state.ideas["idea"].fields["cost_total"]["exact"] == "7"


@pytest.mark.parametrize("kind", [one for one in get_args(messages.Fact) if marks.holds(one, "free_text")])
def test_every_fact_with_texts_can_be_emptied_and_still_be_read(kind: Any) -> None:
    form, _ = whole_form()
    given: dict[str, Any] = {}
    seen: list[str] = []
    for name, field in kind.model_fields.items():
        annotation = bare(field.annotation)
        if annotation is PolicyIdea:
            given[name] = form
        elif name == "outcome":
            given[name] = outcome_of(form)
        elif name in ("sources", "source") and kind is not messages.ReadingAdded:
            given[name] = [{"field": "title"}] if name == "sources" else {"field": "title"}
        elif get_origin(annotation) is dict and annotation != LText:
            given[name] = {}
        else:
            whole = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
            given[name] = filled(whole, seen, name)
    body = json.loads(kind.model_validate(given).model_dump_json())
    assert CANARY in json.dumps(body)
    assert CANARY not in marks.erased(kind, body)


def outcome_of(form: PolicyIdea) -> dict[str, Any]:
    from .rules import outcome

    state = evolve(start(), Happening(messages.IdeaMade(idea="idea", fields=form), 1))
    return outcome(state, state.ideas["idea"])


def test_every_leaf_goes_into_the_tree_and_back() -> None:
    form, _ = whole_form()
    tree = form.model_dump(mode="json")
    leaves = leaves_of(tree)
    assert tree_of(leaves) == tree
    assert {path.partition("/")[0] for path in leaves} == set(LEAVES) - {"area.geometry"}
    assert {path: read(path, value) for path, value in leaves.items()} == leaves


def test_the_card_is_ten_fields_and_every_choice_has_a_named_list() -> None:
    assert len(CARD) == 10 and {one["path"].split(".")[0] for one in described() if one["card"]} == set(CARD)
    assert all(one["codes"] in CODES for one in described() if one["kind"] in ("code", "codes"))


def test_money_is_exact_or_a_range_and_never_a_float() -> None:
    assert Money.model_validate({"exact": 1200}).exact == "1200"
    assert Money.model_validate({"min": "0010.50", "max": "11"}).min == "10.50"
    for bad in ({"exact": 1.5}, {"exact": "1.005"}, {"exact": "-1"}, {"exact": "1e3"}, {"exact": "NaN"}, {"exact": True},
                {}, {"min": "1"}, {"min": "3", "max": "2"}, {"exact": "1", "currency": "euro"}):  # fmt: skip
        with pytest.raises(ValidationError):
            Money.model_validate(bad)


def test_a_date_may_be_a_month_or_a_year_but_must_be_real() -> None:
    assert (str(first_day("2026")), str(last_day("2026"))) == ("2026-01-01", "2026-12-31")
    assert str(last_day("2028-02")) == "2028-02-29" and str(last_day("2026-12")) == "2026-12-31"
    for bad in ("2026-02-29", "2026-13", "26", "2026-1-1", "0000"):
        with pytest.raises(ValueError, match="review_on"):
            read("review_on", bad)


def test_a_field_that_the_form_does_not_know_is_an_error() -> None:
    with pytest.raises(ValidationError):
        PolicyIdea.model_validate({"titel": {"it": "x"}})
    with pytest.raises(ValueError, match="obstacles/a"):
        read("obstacles/a", {"texxt": {"it": "x"}})


def test_joining_keeps_money_whole() -> None:
    kind = type_of("cost_total")
    base, range_, other = {"exact": "1"}, {"min": "1", "max": "2"}, {"exact": "1", "currency": "CHF"}
    with pytest.raises(ChangedSince):
        joined(kind, base, range_, other)
    assert joined(kind, base, base, range_) == (range_, False)


def test_nested_rows_are_joined_one_by_one() -> None:
    kind = type_of("obstacles/a")

    def row(**ways: str) -> dict[str, Any]:
        return {"uid": "a", "overcome": [{"uid": uid, "text": {"it": text}} for uid, text in ways.items()]}

    value, merged = joined(kind, row(x="uno"), row(x="uno", y="due"), row(x="uno", z="tre"))
    assert value == row(x="uno", y="due", z="tre") and not merged
    with pytest.raises(TwoWordings):
        joined(kind, row(x="uno"), row(x="due"), row(x="tre"))
    assert joined(kind, row(x="uno", y="due"), row(x="uno", y="due", z="tre"), row(x="uno"))[0] == row(x="uno", z="tre")


def test_a_sample_row_has_a_uid() -> None:
    rows = [LEAVES[path.partition("/")[0]].row for path in sample.full() if "/" in path]
    assert rows and all(row is not None and issubclass(row, Row) for row in rows)
