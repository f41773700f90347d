"""What is paid at every place where a payment rule turns: just below, at, just above, at the cap, with a fixed share."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .model import Actor, PbrTerm
from .payment import boundaries, cents, curve, flows, independence, missing, payment, sentence

CAP = {"exact": "10000"}


def term(**fields: Any) -> PbrTerm:
    return PbrTerm.model_validate({"uid": "p", "unit": "person", "cap": CAP, **fields})


PER_UNIT = {"pricing": "per_unit", "price_per_unit": {"exact": "1000"}, "threshold_min": "3"}
BINARY = {"pricing": "binary", "target_value": "5"}
TRANCHE = {
    "pricing": "tranche",
    "tranches": [{"from_value": "3", "pay": {"exact": "2000"}}, {"from_value": "6", "pay": {"exact": "9000"}}],
}
LINEAR = {"pricing": "linear_between", "threshold_min": "2", "target_value": "8"}
DOWN: dict[str, Any] = {"direction": "down"}


def paid(rule: PbrTerm, *results: str) -> list[str]:
    return [str(payment(rule, result)) for result in results]


def test_per_unit_pays_nothing_under_the_threshold_and_never_over_the_cap() -> None:
    assert paid(term(**PER_UNIT), "2", "3", "4", "9", "10", "11") == [
        "0.00", "3000.00", "4000.00", "9000.00", "10000.00", "10000.00",
    ]  # fmt: skip
    assert paid(term(pricing="per_unit", price_per_unit={"exact": "1000"}), "-2", "0", "1") == [
        "0.00", "0.00", "1000.00",
    ]  # fmt: skip


def test_per_unit_downwards_pays_the_units_avoided() -> None:
    rule = term(
        **DOWN, pricing="per_unit", price_per_unit={"exact": "1000"}, threshold_min="17", baseline={"value": "20"}
    )
    assert paid(rule, "21", "20", "18", "17", "16", "11", "10", "9") == [
        "0.00", "0.00", "0.00", "3000.00", "4000.00", "9000.00", "10000.00", "10000.00",
    ]  # fmt: skip


def test_per_unit_downwards_without_a_baseline_is_not_complete() -> None:
    rule = term(**DOWN, pricing="per_unit", price_per_unit={"exact": "1000"})
    assert missing(rule) == ["baseline"] and payment(rule, 3) is None and curve(rule) == [] == boundaries(rule)


def test_binary_pays_all_or_nothing() -> None:
    assert paid(term(**BINARY), "4", "5", "6") == ["0.00", "10000.00", "10000.00"]
    assert paid(term(**BINARY, **DOWN), "6", "5", "4") == ["0.00", "10000.00", "10000.00"]


def test_tranches_are_totals_and_not_increments() -> None:
    assert paid(term(**TRANCHE), "2", "3", "4", "5", "6", "7") == [
        "0.00", "2000.00", "2000.00", "2000.00", "9000.00", "9000.00",
    ]  # fmt: skip
    falling = [{"from_value": "6", "pay": {"exact": "2000"}}, {"from_value": "3", "pay": {"exact": "9000"}}]
    assert paid(term(**DOWN, pricing="tranche", tranches=falling), "7", "6", "5", "4", "3", "2") == [
        "0.00", "2000.00", "2000.00", "2000.00", "9000.00", "9000.00",
    ]  # fmt: skip


def test_linear_goes_straight_from_the_threshold_to_the_target() -> None:
    assert paid(term(**LINEAR), "1", "2", "3", "5", "7", "8", "9") == [
        "0.00", "0.00", "1666.67", "5000.00", "8333.33", "10000.00", "10000.00",
    ]  # fmt: skip
    rule = term(**DOWN, pricing="linear_between", threshold_min="8", target_value="2")
    assert paid(rule, "9", "8", "7", "5", "3", "2", "1") == [
        "0.00", "0.00", "1666.67", "5000.00", "8333.33", "10000.00", "10000.00",
    ]  # fmt: skip


def test_a_rate_card_adds_up_its_lines_to_the_cap() -> None:
    rule = term(
        pricing="rate_card",
        rates=[{"uid": "short", "price": {"exact": "500"}}, {"uid": "long", "price": {"exact": "1500.50"}}],
    )
    assert str(payment(rule, {})) == "0.00"
    assert str(payment(rule, {"short": 2, "long": 3})) == "5501.50"
    assert [str(payment(rule, {"short": n})) for n in (19, 20, 21)] == ["9500.00", "10000.00", "10000.00"]
    assert str(payment(rule, {"elsewhere": 9, "short": -4})) == "0.00"


@pytest.mark.parametrize("rule", [PER_UNIT, BINARY, TRANCHE, LINEAR])
def test_a_fixed_share_is_paid_whatever_the_result_and_leaves_less_room(rule: dict[str, Any]) -> None:
    none, some, every = (term(**rule, fixed_share_percent=share) for share in (0, 30, 100))
    assert paid(none, "0") == ["0.00"] and paid(some, "0") == ["3000.00"] and paid(every, "0") == ["10000.00"]
    best = "9000.00" if rule is TRANCHE else "10000.00"
    assert paid(none, "1000") == [best] and paid(some, "1000") == ["10000.00"] and paid(every, "1000") == ["10000.00"]


def test_a_fixed_share_of_a_rate_card_too() -> None:
    rates = [{"uid": "a", "price": {"exact": "100"}}]
    rules = [term(pricing="rate_card", rates=rates, fixed_share_percent=share) for share in (0, 40, 100)]
    assert [str(payment(rule, {})) for rule in rules] == ["0.00", "4000.00", "10000.00"]
    assert [str(payment(rule, {"a": 999})) for rule in rules] == ["10000.00"] * 3


def test_the_end_is_rounded_half_up_to_the_cent_and_only_the_end() -> None:
    assert cents(Fraction("0.005")) == Decimal("0.01") and cents(Fraction("0.0049999")) == Decimal("0.00")
    rule = term(pricing="per_unit", price_per_unit={"exact": "0.01"})
    assert paid(rule, "0.5", "0.49", "1.5") == ["0.01", "0.00", "0.02"]


def test_tranches_that_fall_and_a_cap_under_the_last_one_are_not_complete() -> None:
    upside_down = list(reversed(TRANCHE["tranches"]))
    assert missing(term(pricing="tranche", tranches=upside_down)) == ["order"]
    assert missing(term(**{**TRANCHE, "cap": {"exact": "8999.99"}})) == ["order"]
    assert missing(term(**{**TRANCHE, "cap": {"exact": "9000"}})) == []
    assert missing(term(pricing="linear_between", threshold_min="5", target_value="5")) == ["order"]


def test_a_range_of_money_cannot_be_paid() -> None:
    assert missing(term(**{**PER_UNIT, "cap": {"min": "1", "max": "2"}})) == ["cap"]
    assert missing(PbrTerm(uid="p")) == ["pricing", "cap"]


def test_the_boundaries_show_each_turn_with_its_neighbours() -> None:
    rows = boundaries(term(**PER_UNIT))
    assert [(row["result"], row["pay"], row["side"], row["of"]) for row in rows] == [
        ("2", "0.00", "below", ["threshold"]),
        ("3", "3000.00", "at", ["threshold"]),
        ("4", "4000.00", "above", ["threshold"]),
        ("9", "9000.00", "below", ["cap"]),
        ("10", "10000.00", "at", ["cap"]),
        ("11", "10000.00", "above", ["cap"]),
    ]
    assert [row["result"] for row in boundaries(term(**BINARY, **DOWN))] == ["4", "5", "6"]
    assert [row["side"] for row in boundaries(term(**BINARY, **DOWN))] == ["above", "at", "below"]
    assert {row["result"] for row in boundaries(term(pricing="binary", target_value="2.5"))} == {"2.4", "2.5", "2.6"}


RULES = st.sampled_from([PER_UNIT, BINARY, TRANCHE, LINEAR, {**PER_UNIT, "threshold_min": "0.25"}])


@given(RULES, st.integers(0, 100), st.lists(st.decimals(-50, 50, places=2), min_size=2, max_size=2))
def test_a_better_result_never_pays_less_and_never_over_the_cap(rule: Any, share: int, results: list[Decimal]) -> None:
    low, high = (payment(term(**rule, fixed_share_percent=share), one) for one in sorted(results))
    assert low is not None and high is not None
    assert Decimal(0) <= low <= high <= Decimal(10_000)


@given(RULES, st.integers(2, 60))
def test_a_curve_rises_and_goes_through_every_boundary(rule: Any, n: int) -> None:
    points = curve(term(**rule), n)
    xs = [Fraction(point["result"]) for point in points]
    assert xs == sorted(xs) and len(set(xs)) == len(xs)
    pays = [Decimal(point["pay"]) for point in points]
    assert pays == sorted(pays) and pays[-1] == max(pays)
    shown = {(point["result"], point["pay"]) for point in points}
    assert {(row["result"], row["pay"]) for row in boundaries(term(**rule))} <= shown


def test_a_curve_of_a_rate_card_reaches_its_cap() -> None:
    rule = term(pricing="rate_card", rates=[{"uid": "a", "price": {"exact": "100"}}])
    assert curve(rule)[0] == {"result": "0", "pay": "0.00"} and curve(rule)[-1]["pay"] == "10000.00"
    assert [row["counts"] for row in boundaries(rule)] == [{}, {"a": 99}, {"a": 100}, {"a": 101}]


ACTORS = {
    "city": Actor(uid="city", name="Comune"),
    "coop": Actor(uid="coop", name="Cooperativa Ponte"),
    "coop2": Actor(uid="coop2", name=" cooperativa  PONTE"),
    "uni": Actor(uid="uni", name="Università"),
    "fund": Actor(uid="fund", name="Fondo"),
}


def test_a_verifier_is_neither_the_payee_nor_a_provider_under_any_row() -> None:
    roles = {"payer_actor": "city", "payee_actor": "coop", "provider_actors": ["uni"]}
    assert independence(term(**roles, verifier_actor="coop"), ACTORS) == "not_independent"
    assert independence(term(**roles, verifier_actor="coop2"), ACTORS) == "not_independent"
    assert independence(term(**roles, verifier_actor="uni"), ACTORS) == "not_independent"
    assert independence(term(**roles, verifier_actor="city"), ACTORS) == "is_payer"
    assert independence(term(**roles, verifier_actor="fund"), ACTORS) is None


def test_the_sentence_names_its_parts_and_its_gaps() -> None:
    roles = {"payer_actor": "city", "payee_actor": "coop", "verifier_actor": "uni"}
    found = sentence(term(**PER_UNIT, **roles, social_outcome={"it": "lavora"}, fixed_share_percent=20), ACTORS)
    assert found["template"] == "sentence.per_unit" and found["missing"] == ["data", "by"]
    assert found["payer"] == {"kind": "actor", "uid": "city", "name": "Comune"}
    assert found["price"] == {"kind": "money", "exact": "1000", "currency": "EUR"}
    assert found["unit"] == {"kind": "code", "words": "value.unit_person"}
    assert found["data"] == {"kind": "missing", "words": "gap.data"} and found["fixed"]["value"] == 20
    tranches = sentence(term(**TRANCHE, **DOWN), ACTORS)
    assert tranches["template"] == "sentence.tranche_down" and len(tranches["lines"]["rows"]) == 2


def test_the_flows_of_a_bond_go_from_the_investor_round_to_the_investor() -> None:
    rule = term(
        payer_actor="city", payee_actor="coop", provider_actors=["coop"], verifier_actor="uni",
        upfront_capital={"investor_actor": "fund"},
    )  # fmt: skip
    assert [(one["from"], one["to"], one["what"]) for one in flows(rule)] == [
        ("fund", "coop", "capital"), ("coop", "people", "service"), ("coop", "uni", "data"),
        ("uni", "city", "verified_result"), ("city", "coop", "payment"), ("coop", "fund", "repayment"),
    ]  # fmt: skip
    assert flows(term()) == []
