"""The real server as a process of its own: started as a facilitator starts it, killed as a power button kills it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from tests import people

PROJECT = Path(__file__).resolve().parents[1]
START_LIMIT = 30.0
STOP_LIMIT = 8.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """`officina start` on one data folder and one port; may be started again after it was killed."""

    data: Path
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spawn(self) -> None:
        command = [sys.executable, "-m", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data", str(self.data), "--no-browser", "--no-demo"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OFFICINA_")}
        environment = {**clean, "OFFICINA_HOST_KEY": people.KEY, **self.environment}
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=self.said, stderr=subprocess.STDOUT
        )

    async def ready(self) -> float:
        """Seconds until the port was open."""
        began = time.monotonic()
        while time.monotonic() - began < START_LIMIT:
            assert self.process is not None and self.process.poll() is None, f"the server ended: {self.last_words()}"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return time.monotonic() - began
        raise AssertionError(f"the server did not start: {self.last_words()}")

    def kill(self) -> None:
        """SIGKILL: nothing in the server hears of it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the server did not stop: {self.last_words()}") from None
            self.process = None

    def last_words(self) -> str:
        self.said.seek(0)
        return self.said.read().decode(errors="replace")[-3_000:]


@asynccontextmanager
async def running(data: Path, **environment: str) -> AsyncIterator[tuple[Server, people.Day]]:
    """The server's process and a day on it, with no session yet."""
    server = Server(data, environment=environment)
    server.spawn()
    try:
        await server.ready()
        async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as http:
            nobody: Any = None
            day = people.Day(nobody, server.url, data, http)
            yield server, day
            for screen in day.screens:
                if screen.socket is not None and screen.closed is None:
                    await screen.leaves()
        server.stop()
    finally:
        server.kill()
        server.said.close()
