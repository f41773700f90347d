"""The web server as we run it: our socket class, a planned restart that announces itself, bounded waits."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable

import structlog
import uvicorn
from pydantic_core import to_json

from .app import Officina
from .live.frames import text_frame
from .live.protocol import OfficinaWebSocket

log = structlog.get_logger("serve")

#: Peak of handshakes after a planned restart, per second; the window given to the screens follows from it.
RETURNS_PER_SECOND = 150
#: What the kernel may hold unacknowledged for a vanished client, in milliseconds (Linux).
USER_TIMEOUT_MS = 5_000
DRAIN_SECONDS = 1.0
#: Threads give the interpreter lock back this often: the writer must not wait 5 ms for each of its steps.
SWITCH_SECONDS = 0.0005
#: Thresholds of the collector. Whatever lives long is long to walk, thousands of sockets above all, so that is seldom
#: looked at. What is new is looked at often: drawing leaves small cycles, and 100,000 of them at once stop the room for
#: a tenth of a second.
COLLECT = (10_000, 200, 50)


class Server(uvicorn.Server):
    """`ready` is called once the port is open."""

    def __init__(self, config: uvicorn.Config, officina: Officina, ready: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self.officina = officina
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        await super().startup(sockets)
        # What is here now stays; collecting over it again and again would stop the room for tens of milliseconds.
        gc.freeze()
        gc.set_threshold(*COLLECT)
        gc.enable()
        if self.started and self.ready is not None:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.say_goodbye(), DRAIN_SECONDS)
        await super().shutdown(sockets)

    async def say_goodbye(self) -> None:
        """Tells every screen that we come back, spreads their return, and lets the rooms finish what they hold."""
        house = self.officina.house
        if house is None:
            return
        screens = [one for live in house.rooms.live.values() for one in live.screens.everyone()]
        window = round(max(0.5, len(screens) / RETURNS_PER_SECOND) * 1000)
        for live in house.rooms.live.values():
            await live.room.rest()
        notice = text_frame(to_json({"t": "notice", "code": "restart", "window": window}))
        for screen in screens:
            screen.push(notice)
            screen.end(1012)
        log.info("stopping", screens=len(screens), window_ms=window)


def listening(host: str, port: int) -> socket.socket:
    """The listening socket, made by us so that a taken port is a sentence and vanished clients are cut by the kernel.

    Raises OSError when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns Nagle's algorithm off; without it each answer waits 40 ms for an ACK.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    made.bind((host, port))
    made.set_inheritable(True)
    return made


def config_for(officina: Officina) -> uvicorn.Config:
    settings = officina.settings
    return uvicorn.Config(
        officina,
        ws=OfficinaWebSocket,
        ws_ping_interval=10,
        ws_ping_timeout=10,
        ws_max_size=65_536,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=30,
        limit_concurrency=None,
        backlog=2_048,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or "",
        access_log=False,
        log_config=None,
        lifespan="on",
        ssl_certfile=str(settings.tls_certificate) if settings.tls_certificate else None,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
    )


def raise_open_files() -> int | None:
    """Lifts this process's own limit of open files to what the system allows; None where there is no such limit."""
    try:
        import resource
    except ImportError:
        return None
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
