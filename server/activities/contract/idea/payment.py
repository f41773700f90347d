"""Pay-by-result: what is paid for any result, read back as one sentence (DOMAIN 6).

Exact arithmetic throughout, rounded half-up to the cent at the end. The payment formulas are our own definition.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any

from .model import Actor, Money, PbrTerm, blank_text

Result = int | str | Decimal | Mapping[str, int]


def cents(value: Fraction) -> Decimal:
    """Rounded to the cent, halves up."""
    return Decimal(floor(value * 100 + Fraction(1, 2))).scaleb(-2)


def exact(money: Money | None) -> Fraction | None:
    """The amount as a fraction; None for a range, which nobody can pay."""
    return None if money is None or money.exact is None else Fraction(money.exact)


def number(value: str | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def missing(term: PbrTerm) -> list[str]:
    """The fields without which nothing can be computed, in the form's order; "order" where values contradict.

    `price_per_unit`, `rates`, `tranches`, `target_value`, `threshold_min`, `baseline`, `cap`, `pricing`, or `order`
    with the field before it: tranches that do not rise, a cap under the last tranche, a target not beyond the threshold.
    """
    found: list[str] = []
    cap = exact(term.cap)
    if term.pricing is None:
        found.append("pricing")
    if term.pricing == "per_unit":
        if exact(term.price_per_unit) is None:
            found.append("price_per_unit")
        if term.direction == "down" and (term.baseline is None or term.baseline.value is None):
            found.append("baseline")
    if term.pricing in ("binary", "linear_between") and term.target_value is None:
        found.append("target_value")
    if term.pricing == "linear_between":
        low, high = _good(term, term.threshold_min), _good(term, term.target_value)
        if low is None:
            found.append("threshold_min")
        elif high is not None and high <= low:
            found.append("order")
    if term.pricing == "tranche":
        if not term.tranches or any(one.pay.exact is None for one in term.tranches):
            found.append("tranches")
        elif not _rising(term, cap):
            found.append("order")
    if term.pricing == "rate_card" and (not term.rates or any(exact(rate.price) is None for rate in term.rates)):
        found.append("rates")
    if cap is None:
        found.append("cap")
    return found


def _rising(term: PbrTerm, cap: Fraction | None) -> bool:
    steps = [(_good(term, one.from_value), exact(one.pay)) for one in term.tranches or ()]
    values = [value for value, _ in steps if value is not None]
    pays = [pay for _, pay in steps if pay is not None]
    strictly = all(a < b for a, b in pairwise(values)) and all(a < b for a, b in pairwise(pays))
    return strictly and (cap is None or not pays or pays[-1] <= cap)


def _sign(term: PbrTerm) -> int:
    return -1 if term.direction == "down" else 1


def _good(term: PbrTerm, value: str | None) -> Fraction | None:
    """A value so that more is better."""
    return None if value is None else _sign(term) * Fraction(value)


def payment(term: PbrTerm, result: Result) -> Decimal | None:
    """Euros and cents paid in all for a verified result; None while the rule is not complete (`missing`).

    result: the measured value, or for a rate card the count per line `{uid of the rate: count}`. Raises ValueError for
    a result that is no number.
    """
    if missing(term):
        return None
    cap = exact(term.cap) or Fraction(0)
    fixed = cap * (term.fixed_share_percent or 0) / 100
    room = cap - fixed
    return cents(fixed + min(room, _variable(term, result, room)))


def _variable(term: PbrTerm, result: Result, room: Fraction) -> Fraction:
    if term.pricing == "rate_card":
        counts = result if isinstance(result, Mapping) else {}
        prices = {rate.uid: exact(rate.price) or Fraction(0) for rate in term.rates or ()}
        return sum((max(0, counts.get(uid, 0)) * price for uid, price in prices.items()), Fraction(0))
    if isinstance(result, Mapping):
        raise ValueError("only a rate card is paid by counts per line")
    measured = Fraction(result)
    good = _sign(term) * measured
    threshold, target = _good(term, term.threshold_min), _good(term, term.target_value)
    if term.pricing == "per_unit":
        if threshold is not None and good < threshold:
            return Fraction(0)
        units = measured
        if term.direction == "down":
            units = (number(term.baseline.value if term.baseline else None) or Fraction(0)) - measured
        return max(Fraction(0), (exact(term.price_per_unit) or Fraction(0)) * units)
    if term.pricing == "binary":
        return room if target is not None and good >= target else Fraction(0)
    if term.pricing == "tranche":
        reached = [one for one in term.tranches or () if (_good(term, one.from_value) or Fraction(0)) <= good]
        return (exact(reached[-1].pay) or Fraction(0)) if reached else Fraction(0)
    if threshold is None or target is None or good <= threshold:
        return Fraction(0)
    return room if good >= target else room * (good - threshold) / (target - threshold)


def boundaries(term: PbrTerm) -> list[dict[str, Any]]:
    """The results worth showing: just worse, at, and just better than every value where the payment turns.

    [{"result": "12", "pay": "1200.00", "of": ["threshold"|"target"|"tranche"|"baseline"|"cap", ...],
    "side": "below"|"at"|"above"}] by rising result; `below` is on the worse side. Of a rate card: {"counts":
    {uid: n}, ...} with nothing delivered and, line by line, the count that reaches the cap. Empty while incomplete.
    """
    if missing(term):
        return []
    if term.pricing == "rate_card":
        return _card_boundaries(term)
    step, sign = _step(term), _sign(term)
    found: dict[tuple[Fraction, str], list[str]] = {}
    for name, value in _turns(term, step):
        for side, at in (("below", value - sign * step), ("at", value), ("above", value + sign * step)):
            if at >= 0 or _below_zero(term):
                found.setdefault((at, side), []).append(name)
    best: dict[Fraction, tuple[str, list[str]]] = {}
    for (at, side), of in sorted(found.items(), key=lambda one: ("at", "above", "below").index(one[0][1])):
        best.setdefault(at, (side, of))
    return [
        {"result": _shown(at), "pay": str(payment(term, _shown(at))), "of": of, "side": side}
        for at, (side, of) in sorted(best.items())
    ]


def _turns(term: PbrTerm, step: Fraction) -> list[tuple[str, Fraction]]:
    turns: list[tuple[str, Fraction]] = []
    if term.threshold_min is not None and term.pricing in ("per_unit", "linear_between"):
        turns.append(("threshold", Fraction(term.threshold_min)))
    if term.target_value is not None and term.pricing in ("binary", "linear_between"):
        turns.append(("target", Fraction(term.target_value)))
    if term.pricing == "tranche":
        turns += [("tranche", Fraction(one.from_value)) for one in term.tranches or ()]
    if term.pricing == "per_unit":
        base = number(term.baseline.value if term.baseline else None)
        if term.direction == "down" and base is not None:
            turns.append(("baseline", base))
        reached = _cap_reached(term, step)
        if reached is not None:
            turns.append(("cap", reached))
    return turns


def _cap_reached(term: PbrTerm, step: Fraction) -> Fraction | None:
    """The first result, in whole steps, for which the whole cap is paid."""
    price, cap = exact(term.price_per_unit), exact(term.cap)
    if not price or not cap:
        return None
    units = ceil(cap * (100 - (term.fixed_share_percent or 0)) / 100 / price / step) * step
    if term.direction != "down":
        return units
    return (number(term.baseline.value if term.baseline else None) or Fraction(0)) - units


def _card_boundaries(term: PbrTerm) -> list[dict[str, Any]]:
    cap = exact(term.cap) or Fraction(0)
    room = cap * (100 - (term.fixed_share_percent or 0)) / 100
    rows: list[dict[str, Any]] = [{"counts": {}, "pay": str(payment(term, {})), "of": [], "side": "at"}]
    for rate in term.rates or ():
        price = exact(rate.price)
        if price:
            most = ceil(room / price)
            for side, count in (("below", most - 1), ("at", most), ("above", most + 1)):
                if count > 0:
                    counts = {rate.uid: count}
                    rows.append({"counts": counts, "pay": str(payment(term, counts)), "of": ["cap"], "side": side})
    return rows


def _values(term: PbrTerm) -> list[str]:
    base = term.baseline.value if term.baseline else None
    return [
        value
        for value in (term.threshold_min, term.target_value, base, *(one.from_value for one in term.tranches or ()))
        if value is not None
    ]


def _below_zero(term: PbrTerm) -> bool:
    return any(Fraction(value) < 0 for value in _values(term))


def _step(term: PbrTerm) -> Fraction:
    """One unit of the last decimal that the rule itself uses."""
    decimals = max((len(value.partition(".")[2].rstrip("0")) for value in _values(term)), default=0)
    return Fraction(1, 10**decimals)


def _shown(value: Fraction) -> str:
    """A fraction as a decimal string; six decimals at most."""
    scaled = floor(value * 10**6 + Fraction(1, 2))
    whole = Decimal(scaled).scaleb(-6)
    return f"{whole:f}".rstrip("0").rstrip(".") or "0"


def curve(term: PbrTerm, n: int = 41) -> list[dict[str, str]]:
    """Points of a chart, [{"result", "pay"}] by rising result: n even ones and every turn with its neighbours.

    Of a rate card the result is a count that every line has alike. Empty while the rule is incomplete.
    """
    if missing(term) or n < 2:
        return []
    if term.pricing == "rate_card":
        whole = sum((exact(rate.price) or Fraction(0) for rate in term.rates or ()), Fraction(0))
        most = max(1, min(10**6, ceil((exact(term.cap) or Fraction(0)) * Fraction(11, 10) / whole) if whole else 10))
        counts = sorted({floor(Fraction(most * at, n - 1)) for at in range(n)})
        lines = [rate.uid for rate in term.rates or ()]
        return [{"result": str(one), "pay": str(payment(term, dict.fromkeys(lines, one)))} for one in counts]
    step = _step(term)
    values = [Fraction(value) for value in _values(term)] + [value for _, value in _turns(term, step)]
    low, high = min([Fraction(0), *values]), max([Fraction(0), *values])
    if term.cohort_size and term.unit in ("person", "household"):
        high = max(high, Fraction(term.cohort_size))
    high += max(step, (high - low) / 10)
    points = {low + (high - low) * at / (n - 1) for at in range(n)}
    results = {_shown(floor(at / step) * step) for at in points} | {row["result"] for row in boundaries(term)}
    return [{"result": at, "pay": str(payment(term, at))} for at in sorted(results, key=Fraction)]


def same_organisation(actors: Mapping[str, Actor], one: str | None, other: str | None) -> bool:
    """Whether two rows of actors are one organisation: the same row, the same id, or the same name."""
    if one is None or other is None:
        return False
    if one == other:
        return True
    a, b = actors.get(one), actors.get(other)
    if a is None or b is None:
        return False
    if a.organisation is not None and a.organisation == b.organisation:
        return True
    return bool(_folded(a.name)) and _folded(a.name) == _folded(b.name)


def _folded(name: str | None) -> str:
    return " ".join(unicodedata.normalize("NFKC", name or "").casefold().split())


def independence(term: PbrTerm, actors: Mapping[str, Actor]) -> str | None:
    """`not_independent` where the verifier is the payee or a provider, `is_payer` where it also pays, else None."""
    judged = [term.payee_actor, *(term.provider_actors or ())]
    if any(same_organisation(actors, term.verifier_actor, one) for one in judged):
        return "not_independent"
    return "is_payer" if same_organisation(actors, term.verifier_actor, term.payer_actor) else None


def sentence(term: PbrTerm, actors: Mapping[str, Actor]) -> dict[str, Any]:
    """The rule as one sentence's parts: {"template": key of the words, "missing": [names], <name>: part}.

    Names: payer, price, payee, unit, social_outcome, verifier, data, by, cap, and by the pricing target, threshold,
    fixed, lines. A part is {"kind": "actor"|"money"|"text"|"code"|"date"|"number"|"percent"|"lines"|"missing", ...}: an
    actor has "name", money the form's own {"exact", "currency"}, a code the key of its "words"; lines are
    [{"label"|"from": part, "pay": part}]. What is missing has the key of its gap, `gap.<name>`.
    """
    parts: dict[str, Any] = {
        "payer": _actor(term.payer_actor, actors),
        "payee": _actor(term.payee_actor, actors),
        "verifier": _actor(term.verifier_actor, actors),
        "social_outcome": _text(term.social_outcome),
        "data": _text(term.data_source),
        "unit": _text(term.unit_name)
        or ({"kind": "code", "words": f"value.unit_{term.unit}"} if term.unit and term.unit != "other" else None),
        "by": {"kind": "date", "value": term.horizon_end} if term.horizon_end else None,
        "cap": _money(term.cap),
    }
    if term.pricing in ("per_unit", None):
        parts["price"] = _money(term.price_per_unit)
        if term.direction == "down":
            value = term.baseline.value if term.baseline else None
            parts["baseline"] = {"kind": "number", "value": value} if value is not None else None
    if term.pricing in ("binary", "linear_between"):
        parts["target"] = {"kind": "number", "value": term.target_value} if term.target_value else None
    if term.pricing == "linear_between":
        parts["threshold"] = {"kind": "number", "value": term.threshold_min} if term.threshold_min else None
    if term.pricing == "tranche":
        parts["lines"] = _lines(
            {"from": {"kind": "number", "value": one.from_value}, "pay": _money(one.pay)} for one in term.tranches or ()
        )
    if term.pricing == "rate_card":
        parts["lines"] = _lines({"label": _text(one.label), "pay": _money(one.price)} for one in term.rates or ())
    gaps = [name for name, part in parts.items() if part is None]
    filled = {name: part or {"kind": "missing", "words": f"gap.{name}"} for name, part in parts.items()}
    pricing = term.pricing or "per_unit"
    down = "_down" if term.direction == "down" else ""
    found = {"template": f"sentence.{pricing}{down}", "missing": gaps, **filled}
    if term.fixed_share_percent:
        found["fixed"] = {"kind": "percent", "value": term.fixed_share_percent, "template": "sentence.fixed"}
    return found


def _lines(rows: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    kept = [{name: part for name, part in row.items() if part is not None} for row in rows]
    return {"kind": "lines", "rows": kept} if kept else None


def _actor(uid: str | None, actors: Mapping[str, Actor]) -> dict[str, Any] | None:
    actor = actors.get(uid or "")
    return {"kind": "actor", "uid": actor.uid, "name": actor.name} if actor is not None and actor.name else None


def _text(text: Mapping[str, str] | None) -> dict[str, Any] | None:
    return None if blank_text(text) else {"kind": "text", "text": dict(text or {})}


def _money(money: Money | None) -> dict[str, Any] | None:
    return None if money is None else {"kind": "money", **money.model_dump(mode="json")}


def flows(term: PbrTerm) -> list[dict[str, str]]:
    """Who gives what to whom, [{"from", "to", "what"}], in the order in which it happens.

    from, to: the uid of an actor, or `people` for those whom the rule is about; what: a key under `flow`. Flows with
    an end that is not named yet are left out. With upfront capital these are the arrows of a social impact bond.
    """
    payee, payer, verifier = term.payee_actor, term.payer_actor, term.verifier_actor
    providers: Sequence[str] = term.provider_actors or ([payee] if payee else [])
    investor = term.upfront_capital.investor_actor if term.upfront_capital else None
    receives = payee or next(iter(providers), None)
    arrows: list[tuple[str | None, str | None, str]] = [(investor, receives, "capital")]
    arrows += [(payee, one, "work") for one in providers if one != payee]
    arrows += [(one, "people", "service") for one in providers]
    arrows += [(one, verifier, "data") for one in providers]
    arrows += [(verifier, payer, "verified_result"), (payer, payee, "payment"), (receives, investor, "repayment")]
    return [
        {"from": source, "to": to, "what": what}
        for source, to, what in arrows
        if source is not None and to is not None and source != to
    ]
