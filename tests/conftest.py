"""Fixtures that tests through the door share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import people


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[people.Day]:
    """A running Officina with a session of one poll."""
    async with people.officina(tmp_path / "data") as day:
        await day.begins()
        yield day
