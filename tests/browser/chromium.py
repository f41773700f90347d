"""Finds a Chromium for the browser tests, or gets one: CHROMIUM, PATH, Playwright's own, then Debian's.

`python -m tests.browser.chromium` makes sure that there is one, and fails with one sentence when none is to be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")

NO_CHROMIUM = (
    "No Chromium for the browser tests: set CHROMIUM to one, or install it (Debian: apt install chromium; others:"
    " .venv/bin/playwright install chromium)."
)

#: Starts without asking anybody on the internet for anything.
ARGUMENTS = [
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]


def playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def found() -> str | None:
    """The path of a Chromium that is already here."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not Path(named).exists():
            raise SystemExit(f"CHROMIUM is set to {named}, and nothing is there.")
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return playwrights_own()


def run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, timeout=900).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def made_sure() -> str:
    """The path of a Chromium, installed if need be. Raises SystemExit with the sentence that says what to do."""
    path = found()
    if path:
        return path
    print("No Chromium here yet; getting one", flush=True)
    if run(sys.executable, "-m", "playwright", "install", "chromium"):
        path = found()
        if path:
            return path
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "chromium")
        path = found()
        if path:
            return path
    raise SystemExit(NO_CHROMIUM)


if __name__ == "__main__":
    print(f"Chromium: {made_sure()}")
