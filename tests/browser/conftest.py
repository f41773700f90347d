"""Fixtures of the browser tests: one Chromium for all of them, a fresh house and a clean glass for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests import people
from tests.browser import chromium
from tests.browser.glass import Glass


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium.found()
    if path is None:
        pytest.fail(chromium.NO_CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def glass(browser: Browser, tmp_path: Path) -> AsyncIterator[Glass]:
    """A running Officina with no session yet, and the screens that look at it. Ends with no complaint of any screen."""
    async with people.officina(tmp_path / "data") as day:
        glass = Glass(browser, day)
        yield glass
        await glass.closes()
    glass.is_clean()
