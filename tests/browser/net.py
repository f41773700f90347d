"""The net of a workshop room, between the screens and the server: it can be cut, go silent, lose what is on its way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Way:
    """One connection, both directions."""

    def __init__(self, net: Net, near: asyncio.StreamWriter, far: asyncio.StreamWriter, is_line: bool) -> None:
        self.net, self.near, self.far, self.is_line = net, near, far, is_line
        self.forgotten = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, down: bool) -> None:
        while data := await reader.read(65536):
            await (self.net.down if down else self.net.up).wait()
            if self.forgotten:
                return
            writer.write(data)
            await writer.drain()

    def abort(self) -> None:
        self.near.transport.abort()
        self.far.transport.abort()


class Net:
    """A plain forwarder on its own port. Screens use its address, so a restart of the server moves nothing for them."""

    def __init__(self) -> None:
        self.target = 0
        self.up, self.down = asyncio.Event(), asyncio.Event()
        self.up.set()
        self.down.set()
        self.is_cut = False
        self.lets_lines = True
        self._refused = asyncio.Event()
        self.ways: set[Way] = set()
        self.url = ""

    async def _come(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        way = None
        try:
            first = await reader.read(65536)
            is_line = first.startswith(b"GET /live/")
            await self.up.wait()
            if self.is_cut or (is_line and not self.lets_lines) or not first:
                near.transport.abort()
                self._refused.set()
                return
            back, far = await asyncio.open_connection("127.0.0.1", self.target)
            way = Way(self, near, far, is_line)
            self.ways.add(way)
            far.write(first)
            carrying = [asyncio.create_task(way.carry(reader, far, False))]
            carrying.append(asyncio.create_task(way.carry(back, near, True)))
            with contextlib.suppress(OSError):
                await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)
        except OSError:
            pass
        finally:
            if way is None or not way.forgotten:
                near.transport.abort()
            if way is not None:
                way.far.transport.abort()
                self.ways.discard(way)

    def cut(self) -> None:
        """Every connection breaks, and none comes up until the net mends."""
        self.is_cut = True
        for way in list(self.ways):
            way.abort()

    async def refuses(self, times: int = 1) -> None:
        """Waits until screens have tried in vain so many times more."""
        for _ in range(times):
            self._refused.clear()
            await asyncio.wait_for(self._refused.wait(), 20)

    def hush(self) -> None:
        """Nothing breaks and nothing arrives: a phone in a lift."""
        self.up.clear()
        self.down.clear()

    def deafen(self) -> None:
        """What the screens say still arrives; what they are told does not."""
        self.down.clear()

    def mends(self) -> None:
        self.is_cut = False
        self.up.set()
        self.down.set()

    def forget(self) -> None:
        """The connections of now are dead, and nobody tells the screens; new ones are fine."""
        for way in list(self.ways):
            way.forgotten = True
            way.far.transport.abort()
        self.mends()


@asynccontextmanager
async def net(target: int) -> AsyncIterator[Net]:
    made = Net()
    made.target = target
    server = await asyncio.start_server(made._come, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        made.forget()
        for way in list(made.ways):
            way.abort()
        server.close()
