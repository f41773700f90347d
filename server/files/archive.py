"""Writes files into a ZIP so that equal contents are equal bytes."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Iterator, Mapping

#: The first moment a ZIP can name, ms UTC.
BEGINS = 315_532_800_000
_CREATED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms)")


def zipped(files: Mapping[str, bytes], at: int) -> bytes:
    """A ZIP of these files in their order, by name; every one is dated `at` (ms UTC)."""
    return _written(iter(files.items()), at)


def at_one_moment(office_file: bytes, at: int) -> bytes:
    """The same DOCX or XLSX with every member, and what it says of its own making, dated `at` (ms UTC)."""
    stamp = _moment(at).strftime("%Y-%m-%dT%H:%M:%SZ").encode()

    def members(old: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
        for name in old.namelist():
            data = old.read(name)
            yield name, _CREATED.sub(rb"\g<1>" + stamp + rb"\g<3>", data) if name == "docProps/core.xml" else data

    with zipfile.ZipFile(io.BytesIO(office_file)) as old:
        return _written(members(old), at)


def _written(files: Iterator[tuple[str, bytes]], at: int) -> bytes:
    moment = _moment(at).timetuple()
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            member = zipfile.ZipInfo(name, (moment[0], moment[1], moment[2], moment[3], moment[4], moment[5]))
            member.compress_type = zipfile.ZIP_DEFLATED
            # Without it the member's rights depend on the system that wrote it.
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    return room.getvalue()


def _moment(at: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(max(at, BEGINS) / 1000, datetime.UTC)
