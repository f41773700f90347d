"""A disk between SQLite and the system that can be full, counts its flushes, and knows what a power cut would leave.

Writes reach it at once, as a system's memory takes them; what a cut leaves of them is decided by chance for each sector
of 512 bytes, unless a flush came in between.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

#: Writes and flushes of the disk between two cuts, at most.
STEPS = 60
SECTOR = 512

_names = itertools.count()


@dataclass
class Image:
    """A file as the disk holds it, and for each sector that was written since the last flush all that it held since."""

    durable: bytes
    written: dict[int, list[bytes]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def after_a_cut(self, chance: random.Random) -> bytes:
        """What the power finds when it is back: of each sector any version, or the start of one over another."""
        found = bytearray(self.durable)
        for sector, versions in self.written.items():
            old = bytes(found[sector * SECTOR : (sector + 1) * SECTOR]).ljust(SECTOR, b"\0")
            kept = chance.choice([old, *versions])
            if chance.random() < 0.2:
                torn = chance.randrange(SECTOR)
                kept = chance.choice(versions)[:torn].ljust(torn, b"\0") + old[torn:]
            end = sector * SECTOR + len(kept)
            if len(found) < end and kept is not old:
                found.extend(bytes(end - len(found)))
            if kept is not old:
                found[sector * SECTOR : end] = kept
        size = chance.choice([None, *self.sizes])
        return bytes(found if size is None else found[:size].ljust(size, b"\0"))


@dataclass
class Cut:
    """The files as a cut left them, how many receipts had been told by then, how many sectors were not flushed."""

    files: dict[str, bytes]
    told: int
    unflushed: int


class Disk:
    """Counts flushes, and cuts the power on paper: the world goes on, but a copy of it is left as the cut leaves it."""

    def __init__(self, chance: random.Random, told: Callable[[], int] = lambda: 0, cuts: int = 0) -> None:
        self.chance = chance
        self.told = told
        self.cuts: list[Cut] = []
        self.wanted = cuts
        self.images: dict[str, Image] = {}
        self.flushes: dict[str, int] = {}
        #: No write succeeds any more.
        self.full = False
        #: So many writes still succeed; None: as many as you like.
        self.room: int | None = None
        self.next = chance.randint(1, STEPS)
        self.vfs = Drive(self)

    def connect(self, path: Path) -> apsw.Connection:
        return apsw.Connection(str(path), vfs=self.vfs.vfs_name)

    def opened(self, name: str) -> None:
        if name not in self.images:
            path = Path(name)
            self.images[name] = Image(path.read_bytes() if path.exists() else b"")

    def wrote(self, name: str, data: bytes, offset: int) -> None:
        """Notes the new content of every sector that a write touched; called when the file holds it."""
        image = self.images[name]
        with Path(name).open("rb") as file:
            for sector in range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1):
                file.seek(sector * SECTOR)
                image.written.setdefault(sector, []).append(file.read(SECTOR))

    def flushed(self, name: str) -> None:
        self.flushes[Path(name).name] = self.flushes.get(Path(name).name, 0) + 1
        self.images[name] = Image(Path(name).read_bytes())

    def step(self) -> None:
        """Called before the disk does anything."""
        self.next -= 1
        if self.next <= 0 and len(self.cuts) < self.wanted:
            self.next = self.chance.randint(1, STEPS)
            files = {Path(name).name: image.after_a_cut(self.chance) for name, image in self.images.items()}
            self.cuts.append(Cut(files, self.told(), sum(len(image.written) for image in self.images.values())))


class Drive(apsw.VFS):
    """Opens every file on the disk of the test."""

    def __init__(self, disk: Disk) -> None:
        self.vfs_name = f"disk {next(_names)}"
        self.disk = disk
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        # A file without a name is scratch paper that SQLite deletes itself.
        return File(self.disk, name, flags) if name is not None else apsw.VFSFile("", None, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.disk.step()
        super().xDelete(filename, syncdir)
        self.disk.images.pop(filename, None)


class File(apsw.VFSFile):
    """One file: everything goes through to the system, and the disk of the test is told."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else name
        disk.opened(self.name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.step()
        if self.disk.room is not None:
            self.disk.room -= 1
        if self.disk.full or (self.disk.room is not None and self.disk.room < 0):
            raise apsw.FullError("database or disk is full")
        super().xWrite(data, offset)
        self.disk.wrote(self.name, bytes(data), offset)

    def xTruncate(self, size: int) -> None:
        self.disk.step()
        super().xTruncate(size)
        self.disk.images[self.name].sizes.append(size)

    def xSync(self, flags: int) -> None:
        self.disk.step()
        super().xSync(flags)
        self.disk.flushed(self.name)
