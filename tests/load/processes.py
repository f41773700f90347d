"""Servers as the bench needs them: each a process of its own on its own core, with its own limits, stopped by its own pid."""

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.load.client import fetch

PROJECT = Path(__file__).resolve().parents[2]
# 2,000 sockets, their listening side and what the interpreter holds.
OPEN_FILES = 8_192
# Seconds from the spawn until a server that does not answer is given up.
START_LIMIT = 20.0
# Seconds a server gets after SIGTERM; its own graceful shutdown is 3 s.
STOP_LIMIT = 8.0
SERVER_CORE, LOAD_CORE = 0, 1


class ServerFailed(RuntimeError):
    """A server did not start or died; the text holds the end of what it printed."""


def _given() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


# Read once, before anybody is pinned: afterwards the process only sees its own core.
_GIVEN = _given()


def pin(core: int) -> None:
    """Keep the calling process on the n-th of the cores the bench was given; nothing on a machine with only one."""
    if hasattr(os, "sched_setaffinity") and len(_GIVEN) > 1:
        os.sched_setaffinity(0, {_GIVEN[core]})


@contextlib.contextmanager
def all_cores() -> Iterator[None]:
    """Inside, this process and whatever it starts may use every core that the bench was given."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _GIVEN)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def cores() -> int:
    """How many cores the bench was given; where the platform does not tell, how many the machine has."""
    return len(_GIVEN) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def raise_open_files() -> None:
    """Lift this process's limit of open files to OPEN_FILES, or as far as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process. `started_at` and `killed_at` are in nanoseconds of `perf_counter_ns`."""

    def __init__(self, title: str, argv: list[str], port: int, env: dict[str, str] | None = None) -> None:
        self.title = title
        self.port = port
        self.started_at = 0
        self.killed_at = 0
        self._argv = argv
        self._env = {key: value for key, value in os.environ.items() if not key.startswith("OFFICINA_")} | (env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server, closed in stop()

    def spawn(self) -> None:
        self.started_at = time.perf_counter_ns()
        # A child inherits the core and the limit of open files of whoever starts it, so nothing need run inside it before it begins.
        pin(SERVER_CORE)
        try:
            self._process = subprocess.Popen(
                [sys.executable, *self._argv],
                cwd=PROJECT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )
        finally:
            pin(LOAD_CORE)

    async def ready(self, path: str = "/healthz", limit: float = START_LIMIT) -> float:
        """Seconds from spawn() until `path` was answered 200 for the first time. Raises ServerFailed."""
        seen = "no connection"
        while (time.perf_counter_ns() - self.started_at) / 1e9 < limit:
            if self._process is None or self._process.poll() is not None:
                raise ServerFailed(f"{self.title} ended before {path} answered.\n{self.last_words()}")
            try:
                answer = await fetch(self.port, path, limit=2.0)
            except (OSError, TimeoutError):
                # 5 ms is what the figure may be off by.
                await asyncio.sleep(0.005)
                continue
            if answer.status == 200:
                return (time.perf_counter_ns() - self.started_at) / 1e9
            seen = f"status {answer.status}"
            await asyncio.sleep(0.02)
        raise ServerFailed(
            f"{self.title}: no 200 from {path} within {limit:.0f} s (last: {seen}).\n{self.last_words()}"
        )

    def resident(self) -> int:
        """Bytes of memory in use (RSS), those of child processes included."""
        if self._process is None:
            raise ServerFailed(f"{self.title} is not running")
        try:
            process = psutil.Process(self._process.pid)
            total = int(process.memory_info().rss)
            for child in process.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += int(child.memory_info().rss)
        except psutil.NoSuchProcess:
            raise ServerFailed(f"{self.title} died.\n{self.last_words()}") from None
        return total

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        if self._process is not None:
            self.killed_at = time.perf_counter_ns()
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._output.close()

    def last_words(self, lines: int = 25) -> str:
        """The end of what the server printed."""
        if self._output.closed:
            return ""
        self._output.seek(0)
        return "\n".join(self._output.read().decode(errors="replace").splitlines()[-lines:])


def officina(data: Path, host_key: str, port: int) -> Server:
    """The real server on its own data folder, as a facilitator would start it, with the room cap of the load tests."""
    argv = ["-m", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--data", str(data)]
    argv += ["--no-browser", "--no-demo"]
    return Server("officina", argv, port, {"OFFICINA_HOST_KEY": host_key, "OFFICINA_ROOM_CAP": "5000"})


def bare(port: int) -> Server:
    return Server("the bare loop", ["-m", "tests.load.baseline_bare", "--port", str(port)], port)


def socketio(port: int) -> Server:
    return Server("python-socketio", ["-m", "tests.load.baseline_socketio", "--port", str(port)], port)
