"""Practices and peer activities (DOMAIN 13): what a marketplace leaves to a path, and what the path follows up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .messages import Marked, Message, Text

Format = Literal[
    "study_visit", "call", "staff_exchange", "document_review", "joint_pilot", "mentoring", "co_application"
]
Status = Literal["proposed", "accepted", "scheduled", "done", "dropped"]
#: Why somebody wants to meet another organisation.
Kind = Literal["wants_to_learn", "can_offer", "both"]

#: Signs of a line, of a paragraph, and how many tags one list holds.
LINE, LONG, TAGS = 120, 2_000, 20

#: A name as a machine compares it: tidied and casefolded. Of an organisation, not of a person, so erasing leaves it.
OrganisationId = Annotated[str, Field(min_length=1, max_length=64)]
Line = Annotated[str, Field(max_length=LINE), Marked("free_text")]
Long = Annotated[str, Field(max_length=LONG), Marked("free_text")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


def _within(text: Text) -> Text:
    if any(len(words) > LONG for words in text.values()):
        raise ValueError(f"a text of a practice has {LONG} signs at most")
    return text


Said = Annotated[Text, AfterValidator(_within), Marked("free_text")]
Tags = Annotated[tuple[Said, ...], Field(max_length=TAGS)]


class PracticeResult(Message):
    """value: what came of it; evidence: how one knows."""

    value: Said
    evidence: Said | None = None


class Practice(Message):
    """A practice as a card: of an organisation or a city, shown at a stall.

    offers, needs, conditions: tags; a need meets an offer where both read the same in the first language of either.
    """

    practice: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    title: Said
    place: Said | None = None
    organisation: Said | None = None
    instrument: Said | None = None
    years: Line | None = None
    problem: Said | None = None
    done: Said | None = None
    results: Annotated[tuple[PracticeResult, ...], Field(max_length=20)] = ()
    limits: Said | None = None
    improvements: Said | None = None
    offers: Tags = ()
    needs: Tags = ()
    conditions: Tags = ()
    source: Said | None = None
    contact_consent: bool = False


class Party(Message):
    """One side of a peer activity. owner: who looks after it there, as they wrote it themselves."""

    organisation: OrganisationId
    name: Annotated[str, Field(max_length=LINE)]
    owner: Annotated[str, Field(max_length=LINE), Marked("personal")] | None = None
    accepted: bool = False


class PeerActivity(Message):
    """What organisations prepare together. mutual: both sides had asked for the other. date, follow_up: YYYY-MM-DD.

    versions: revision of each field that people may change, from 1; a change names the one it was made on.
    """

    peer: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    parties: Annotated[tuple[Party, ...], Field(min_length=2, max_length=8)]
    mutual: bool = False
    topic: Line | None = None
    format: Format | None = None
    date: Day | None = None
    first_step: Long | None = None
    status: Status = "proposed"
    result: Long | None = None
    follow_up: Day | None = None
    #: Of whom one side needs what the other offers: organisation, organisation, tag.
    reasons: Annotated[tuple[tuple[OrganisationId, OrganisationId, Said], ...], Field(max_length=40)] = ()
    versions: dict[str, int] = Field(default_factory=dict)


__all__ = ["Format", "Kind", "Party", "PeerActivity", "Practice", "PracticeResult", "Status"]
