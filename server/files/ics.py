"""Writes whole days as an iCalendar file (RFC 5545)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from .document import readable

#: Octets in a line, its end not counted (RFC 5545, 3.1).
LINE = 75
ZONE = (
    "BEGIN:VTIMEZONE",
    "TZID:Etc/UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
)


@dataclass(frozen=True, slots=True)
class Event:
    """A whole day. uid: the same thing keeps it from file to file, in letters, digits and a few signs."""

    uid: str
    day: datetime.date
    summary: str
    description: str = ""
    url: str = ""


def ics(events: Sequence[Event], at: int) -> bytes:
    """A calendar of these days. at: when it was made, ms UTC. The same events give the same bytes.

    A calendar must hold something (RFC 5545, 3.6): one without days says its time zone.
    """
    stamp = datetime.datetime.fromtimestamp(at / 1000, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Officina//Next steps//EN", "CALSCALE:GREGORIAN"]
    if not events:
        lines += ZONE
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(event.uid)}",
            f"DTSTAMP:{stamp}",
            f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{event.day + datetime.timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(event.summary)}",
        ]
        if event.description:
            lines.append(f"DESCRIPTION:{_text(event.description)}")
        if event.url:
            lines.append(f"URL:{_address(event.url)}")
        # A day somebody should remember, not one on which they are busy.
        lines += ["TRANSP:TRANSPARENT", "END:VEVENT"]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _text(words: str) -> str:
    """A value of type TEXT: no line can end in it, and no sign of the format has a meaning in it."""
    plain = readable(words).replace("\t", " ").replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return plain.replace("\n", "\\n").replace("\x85", " ")


def _address(url: str) -> str:
    return "".join(sign for sign in url if "!" <= sign <= "~")


def _folded(line: str) -> bytes:
    """In lines of at most 75 octets, cut between signs; all but the first begin with a space."""
    parts: list[bytes] = []
    part = b""
    for sign in line:
        octets = sign.encode("utf-8", "replace")
        if len(part) + len(octets) > (LINE if not parts else LINE - 1):
            parts.append(part)
            part = b""
        part += octets
    parts.append(part)
    return b"\r\n ".join(parts)
