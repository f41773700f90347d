"""Personal data go when a session has been quiet for long enough; what the room said and its totals stay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from . import erase

if TYPE_CHECKING:
    from ..house import House

log = structlog.get_logger("retention")

DAY_MS = 86_400_000
EVERY_SECONDS = 86_400


async def keep(house: House) -> None:
    """Once at the start, before anybody is in, and then once a day."""
    while house.settings.retention_days:
        try:
            await erase_overdue(house)
        except Exception as error:
            log.error("people of old sessions could not be erased; the next try is tomorrow", why=str(error))
        await asyncio.sleep(EVERY_SECONDS)


async def erase_overdue(house: House) -> list[str]:
    """Erases everybody in sessions that have been quiet for `retention_days`; gives the codes of these sessions."""
    days = house.settings.retention_days
    if not days:
        return []
    codes = await erase.old_people(house, house.clock.now() - days * DAY_MS)
    if codes:
        log.info("people of old sessions were erased", sessions=len(codes), quiet_for_days=days)
    return codes
