"""The small-cell rule: a split by group is shown only where nobody can be told apart (LIVE 6.2)."""

from __future__ import annotations

from collections.abc import Mapping

#: Answers a group must have before it is shown by itself.
SMALLEST = 5

#: The id under which folded groups and people without a group are shown.
OTHER = "other"


def fold(counts: Mapping[str | None, int]) -> dict[str | None, str]:
    """Under which shown id each group's answers may be counted.

    counts: answers per group to this very question; None stands for people without a group. Groups without answers
    are left out. Returns {group: its own id or "other"}, in the order of `counts`; empty means: show no split.
    Every shown id has at least 5 answers and there are at least two of them. "other" never holds fewer than 5: when
    the small groups together are fewer, the smallest big group is folded with them, because otherwise total minus
    shown groups would give the small ones away.
    """
    present = {group: n for group, n in counts.items() if n > 0}
    alone = [group for group, n in present.items() if group is not None and group != OTHER and n >= SMALLEST]
    small = sum(n for group, n in present.items() if group not in alone)
    if 0 < small < SMALLEST and alone:
        alone.remove(min(reversed(alone), key=lambda group: present[group]))
    shown = {group: group if group in alone and group is not None else OTHER for group in present}
    return shown if len(set(shown.values())) >= 2 else {}


def kept_groups(sizes: Mapping[str, int]) -> list[str]:
    """The groups that an anonymous answer may name: those with at least 5 people, in alphabetical order."""
    return sorted(group for group, people in sizes.items() if people >= SMALLEST)
