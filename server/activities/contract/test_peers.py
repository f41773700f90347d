"""Practices and peer activities: at least two parties, the closed lists, and what people typed can be erased."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from server.outcomes import marks

from .messages import AFact
from .peers import Format, Kind, PeerActivity, Practice, Status

BOTH = [
    {"organisation": "torino", "name": "Torino", "owner": "Ufficio di Anna"},
    {"organisation": "lyon", "name": "Lyon"},
]


class ActivityAgreed(AFact):
    activity: PeerActivity


def activity(**fields: Any) -> PeerActivity:
    return PeerActivity.model_validate({"peer": "a1", "parties": BOTH, **fields})


def test_a_peer_activity_has_a_format_a_date_an_owner_per_party_and_a_first_step() -> None:
    whole = activity(
        mutual=True,
        topic="Valutazione",
        format="study_visit",
        date="2019-03-31",
        first_step="Una telefonata",
        status="scheduled",
        follow_up="2019-09-30",
    )
    assert [party.owner for party in whole.parties] == ["Ufficio di Anna", None]
    assert PeerActivity.model_validate_json(whole.model_dump_json()) == whole


@pytest.mark.parametrize(
    "bad",
    [
        {"parties": BOTH[:1]},
        {"parties": []},
        {"format": "workshop"},
        {"status": "cancelled"},
        {"date": "March"},
        {"surprise": 1},
    ],
)
def test_a_peer_activity_that_is_none_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        activity(**bad)


def test_what_was_agreed_is_never_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        activity().status = "done"  # type: ignore[misc]


def test_the_closed_lists_are_the_ones_of_the_domain() -> None:
    assert get_args(Format) == (
        "study_visit",
        "call",
        "staff_exchange",
        "document_review",
        "joint_pilot",
        "mentoring",
        "co_application",
    )
    assert get_args(Status) == ("proposed", "accepted", "scheduled", "done", "dropped")
    assert get_args(Kind) == ("wants_to_learn", "can_offer", "both")


def test_a_practice_says_its_limits_and_what_it_needs() -> None:
    practice = Practice.model_validate(
        {
            "practice": "p1",
            "title": {"en": "Neighbourhood houses"},
            "place": {"en": "Torino"},
            "limits": {"en": "Few staff"},
            "results": [{"value": {"en": "8 houses"}, "evidence": {"en": "city register"}}],
            "offers": [{"en": "co-management"}],
            "needs": [{"en": "impact assessment"}],
        }
    )
    assert practice.model_dump(mode="json")["needs"] == [{"en": "impact assessment"}]
    assert not practice.contact_consent, "nobody's address is given away unasked"


def test_what_people_typed_is_found_when_it_is_to_be_erased() -> None:
    whole = activity(topic="Casa di Anna", first_step="Chiamare Anna", result="Incontro con Anna")
    body = ActivityAgreed(activity=whole).model_dump(mode="json")
    assert {"Casa di Anna", "Chiamare Anna", "Incontro con Anna"} <= marks.texts(ActivityAgreed, body)
    emptied = marks.erased(ActivityAgreed, body)
    assert "Casa" not in emptied and "Chiamare" not in emptied and "Incontro" not in emptied


def test_a_text_without_measure_is_no_part_of_a_practice() -> None:
    whole = {"practice": "p", "title": {"it": "Patti"}, "done": {"it": "x" * 2_000}}
    assert Practice.model_validate(whole)
    with pytest.raises(ValidationError):
        Practice.model_validate(whole | {"done": {"it": "x" * 2_001}})
