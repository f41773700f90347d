"""A mapping that never changes, and costs little to have again with one entry more.

A room of a thousand answers a thousand times, and every answer makes a new state. Copying a dict of a thousand touches
two thousand objects; here a few recent entries lie above a base that all states share. The order is that of arrival,
as in a dict, because what a replay shows must not depend on hashes: that is why no hash trie stands here.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

#: Recent entries that are copied with each change; the square root of a large room.
RECENT = 32
_ABSENT: Any = object()


class Layered(Mapping[Key, Value], Generic[Key, Value]):
    """Entries in the order of their first arrival."""

    __slots__ = ("_base", "_recent", "_size")

    def __init__(self, entries: Mapping[Key, Value] | None = None) -> None:
        self._base: dict[Key, Value] = dict(entries or {})
        self._recent: dict[Key, Value] = {}
        self._size = len(self._base)

    def having(self, key: Key, value: Value) -> Layered[Key, Value]:
        """The same entries with this one new or changed."""
        size = self._size + (key not in self._recent and key not in self._base)
        recent = {**self._recent, key: value}
        if len(recent) > RECENT:
            return self._made({**self._base, **recent}, {}, size)
        return self._made(self._base, recent, size)

    def without(self, key: Key) -> Layered[Key, Value]:
        """The same entries without this one."""
        return Layered({one: value for one, value in self._flat().items() if one != key})

    @classmethod
    def _made(cls, base: dict[Key, Value], recent: dict[Key, Value], size: int) -> Layered[Key, Value]:
        made: Layered[Key, Value] = object.__new__(cls)
        made._base, made._recent, made._size = base, recent, size
        return made

    def _flat(self) -> dict[Key, Value]:
        # The base is shared with other states, so it is replaced here and never written to.
        if self._recent:
            self._base, self._recent = {**self._base, **self._recent}, {}
        return self._base

    def __getitem__(self, key: Key) -> Value:
        found = self._recent.get(key, _ABSENT)
        value: Value = self._base[key] if found is _ABSENT else found
        return value

    def get(self, key: Key, default: Any = None) -> Any:
        # The one of Mapping asks by an exception, which costs more than all the rest of it.
        found = self._recent.get(key, _ABSENT)
        return self._base.get(key, default) if found is _ABSENT else found

    def __contains__(self, key: object) -> bool:
        return key in self._recent or key in self._base

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Key]:
        return iter(self._flat())

    def keys(self) -> KeysView[Key]:
        return self._flat().keys()

    def values(self) -> ValuesView[Value]:
        return self._flat().values()

    def items(self) -> ItemsView[Key, Value]:
        return self._flat().items()

    def __repr__(self) -> str:
        return f"Layered({self._flat()!r})"
