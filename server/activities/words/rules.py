"""The rules of a word cloud: what counts as the same word, who said it, how large it stands on the wall (LIVE 11.1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isqrt
from typing import Any, Literal

from ..contract import AFact, AnAsk, Happening, Level, Me, Moment, Refusal, clean, fold, kept_groups
from ..contract import rehearse as rehearsals
from ..contract.small_cells import OTHER
from ..contract.tally import bare, seen_length
from .messages import (
    AddWord,
    Freeze,
    Frozen,
    HideWord,
    MergeWords,
    PairWords,
    RemoveWord,
    Reveal,
    Revealed,
    Setup,
    ShowWord,
    SplitWord,
    Unfreeze,
    Unfrozen,
    WordAdded,
    WordHidden,
    WordRemoved,
    WordShown,
    WordsMerged,
    WordsPaired,
    WordSplit,
)

#: What the token of an anonymous voice is made from: one unlinkable person per stage.
SCOPE = "stage"

#: Px on a wall 1920 wide; and how many words it can hold before the small ones cannot be read.
SMALLEST_SIZE, LARGEST_SIZE, ON_THE_WALL = 28, 96, 60

#: A word said once is small beside one said five times even where nobody said anything six times.
MOST_AT_LEAST = 5

#: Fewer letters than in PA, UE, IA say nothing.
LETTERS_AT_LEAST = 2

#: Words that carry no thought of their own. An entry made of nothing else is refused.
STOP_WORDS = frozenset(
    [
        "il",
        "lo",
        "la",
        "i",
        "gli",
        "le",
        "un",
        "uno",
        "una",
        "di",
        "a",
        "da",
        "in",
        "con",
        "su",
        "per",
        "tra",
        "fra",
        "e",
        "ed",
        "o",
        "od",
        "ma",
        "se",
        "che",
        "chi",
        "cui",
        "non",
        "si",
        "ci",
        "vi",
        "ne",
        "mi",
        "ti",
        "del",
        "dello",
        "della",
        "dei",
        "degli",
        "delle",
        "al",
        "allo",
        "alla",
        "ai",
        "agli",
        "alle",
        "dal",
        "dallo",
        "dalla",
        "dai",
        "dagli",
        "dalle",
        "nel",
        "nello",
        "nella",
        "nei",
        "negli",
        "nelle",
        "sul",
        "sullo",
        "sulla",
        "sui",
        "sugli",
        "sulle",
        "come",
        "piu",
        "anche",
        "questo",
        "questa",
        "questi",
        "queste",
        "quello",
        "quella",
        "sono",
        "the",
        "an",
        "of",
        "to",
        "on",
        "at",
        "by",
        "for",
        "with",
        "and",
        "or",
        "but",
        "if",
        "that",
        "this",
        "these",
        "those",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "its",
        "as",
        "from",
        "not",
        "no",
        "so",
        "we",
        "you",
        "they",
        "he",
        "she",
        "my",
        "your",
        "our",
        "their",
    ]
)

_ADDRESS = re.compile(r"://|\bwww\.|\S@\S+\.\S|^[\w-]+(\.[\w-]+)*\.(it|com|org|net|eu)(/|$)", re.IGNORECASE)
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def key_of(text: str) -> str:
    """What a word counts as: NFKC, casefold, accents and edge punctuation dropped, spaces collapsed."""
    return _EDGES.sub("", bare(text))


@dataclass(frozen=True, slots=True)
class Entry:
    text: str
    at: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """One person's entries by key, in the order in which they came."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    group: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """merged: key -> the key it counts as (always a key that is not merged itself). paired: those among them that are
    another language's word and stay visible. hidden, approved: keys -> True.
    """

    setup: Setup
    level: Level = "pseudonym"
    state: Literal["open", "frozen", "revealed"] = "open"
    voices: Mapping[str, Voice] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)
    paired: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, bool] = field(default_factory=dict)
    approved: Mapping[str, bool] = field(default_factory=dict)
    groups_kept: tuple[str, ...] | None = None


def start(setup: Setup, level: Level = "pseudonym") -> State:
    return State(setup, level)


def decide(state: State, ask: AnAsk, moment: Moment) -> list[AFact] | Refusal:
    match ask:
        case AddWord():
            return _add(state, ask, moment)
        case RemoveWord():
            return _remove(state, ask, moment)
        case MergeWords() | PairWords():
            return _join(state, ask)
        case SplitWord() | HideWord() | ShowWord():
            return _one_word(state, ask)
        case Freeze():
            return [Frozen()] if state.state == "open" else []
        case Unfreeze():
            return [] if state.state == "open" else [Unfrozen()]
        case Reveal():
            if state.state == "open":
                return Refusal("not_locked")
            return [Revealed()] if state.state == "frozen" else []
        case _:
            return Refusal("unknown_ask")


def _add(state: State, ask: AddWord, moment: Moment) -> list[AFact] | Refusal:
    if state.state != "open":
        return Refusal("locked")
    text = " ".join(clean(ask.text).split())
    if seen_length(text) > state.setup.max:
        return Refusal("too_long", details={"max": state.setup.max})
    key = key_of(text)
    if not _says_something(text, key):
        return Refusal("empty")
    voice = state.voices.get(moment.voter or "", Voice())
    if key in voice.entries:
        return []
    if len(voice.entries) >= state.setup.each:
        return Refusal("too_many", details={"each": state.setup.each})
    if state.level != "anonymous":
        return [WordAdded(key=key, text=text, language=moment.language)]
    # Nothing asks this activity anything when it opens, so the first word fixes which groups may be named.
    first = state.groups_kept is None
    kept = kept_groups(moment.sizes) if state.groups_kept is None else list(state.groups_kept)
    group = moment.group if moment.group in kept else None
    return [WordAdded(key=key, text=text, group=group, groups_kept=kept if first else None)]


def _says_something(text: str, key: str) -> bool:
    if sum(sign.isalpha() for sign in key) < LETTERS_AT_LEAST or _ADDRESS.search(text):
        return False
    return any(word not in STOP_WORDS for word in re.findall(r"\w+", key))


def _remove(state: State, ask: RemoveWord, moment: Moment) -> list[AFact] | Refusal:
    if state.state != "open":
        return Refusal("locked")
    voice = state.voices.get(moment.voter or "", Voice())
    key = ask.word if ask.word in voice.entries else key_of(clean(ask.word))
    return [WordRemoved(key=key)] if key in voice.entries else Refusal("unknown_word")


def _known(state: State, word: str) -> str | None:
    """The key of a word that somebody said, or said until it was removed and the desk merged or hid it."""
    for key in (word, key_of(clean(word))):
        if key in state.merged or key in state.hidden or any(key in voice.entries for voice in state.voices.values()):
            return key
    return None


def _join(state: State, ask: MergeWords | PairWords) -> list[AFact] | Refusal:
    word, into = _known(state, ask.word), _known(state, ask.into)
    if word is None or into is None:
        return Refusal("unknown_word")
    root = state.merged.get(into, into)
    if word == into or root == word:
        return Refusal("same_word")
    kind = WordsMerged if isinstance(ask, MergeWords) else WordsPaired
    same = state.paired if kind is WordsPaired else {k: v for k, v in state.merged.items() if k not in state.paired}
    return [] if same.get(word) == root else [kind(word=word, into=root)]


def _one_word(state: State, ask: SplitWord | HideWord | ShowWord) -> list[AFact] | Refusal:
    word = _known(state, ask.word)
    if word is None:
        return Refusal("unknown_word")
    if isinstance(ask, SplitWord):
        joined = word in state.merged or word in state.merged.values()
        return [WordSplit(word=word)] if joined else []
    if isinstance(ask, HideWord):
        return [] if word in state.hidden else [WordHidden(word=word)]
    waiting = state.setup.moderation == "before_wall" and word not in state.approved
    return [WordShown(word=word)] if word in state.hidden or waiting else []


def evolve(state: State, happened: Happening) -> State:
    fact = happened.fact
    match fact:
        case WordAdded():
            voter = happened.voter or ""
            before = state.voices.get(voter, Voice())
            group = fact.group if state.level == "anonymous" else happened.group
            entry = Entry(fact.text, happened.at, fact.language)
            voice = Voice({**before.entries, fact.key: entry}, group)
            kept = state.groups_kept if fact.groups_kept is None else tuple(fact.groups_kept)
            return replace(state, voices={**state.voices, voter: voice}, groups_kept=kept)
        case WordRemoved():
            return _without(state, happened.voter or "", fact.key)
        case WordsMerged() | WordsPaired():
            merged = {key: fact.into if root == fact.word else root for key, root in state.merged.items()}
            paired = {key: fact.into if root == fact.word else root for key, root in state.paired.items()}
            merged[fact.word] = fact.into
            paired.pop(fact.word, None)
            if isinstance(fact, WordsPaired):
                paired[fact.word] = fact.into
            return replace(state, merged=merged, paired=paired)
        case WordSplit():
            merged = {key: root for key, root in state.merged.items() if fact.word not in (key, root)}
            paired = {key: root for key, root in state.paired.items() if fact.word not in (key, root)}
            return replace(state, merged=merged, paired=paired)
        case WordHidden():
            return replace(state, hidden={**state.hidden, fact.word: True})
        case WordShown():
            hidden = {key: True for key in state.hidden if key != fact.word}
            return replace(state, hidden=hidden, approved={**state.approved, fact.word: True})
        case Frozen():
            return replace(state, state="frozen")
        case Unfrozen():
            return replace(state, state="open")
        case Revealed():
            return replace(state, state="revealed")
        case _:
            return state


def _without(state: State, voter: str, key: str) -> State:
    voice = state.voices.get(voter)
    if voice is None:
        return state
    entries = {own: entry for own, entry in voice.entries.items() if own != key}
    voices = {other: kept for other, kept in state.voices.items() if other != voter}
    if entries:
        # The person keeps their place among the voices, so that a removed word never reorders the rest.
        voices = {other: Voice(entries, kept.group) if other == voter else kept for other, kept in state.voices.items()}
    return replace(state, voices=voices)


def size(count: int, most: int) -> int:
    """Px for a word said by `count` people where the commonest was said by `most`; by square root, 28 to 96."""
    span, of = (LARGEST_SIZE - SMALLEST_SIZE) ** 2, max(most, MOST_AT_LEAST) - 1
    # The root of four times the area is twice the side, so adding one and halving rounds to the nearest px.
    return SMALLEST_SIZE + (isqrt(4 * span * (count - 1) // of) + 1) // 2


@dataclass(frozen=True, slots=True)
class Said:
    """One word as the room sees it. also: the other language's words that count with it. by_group: people per group."""

    key: str
    word: str
    count: int
    also: tuple[str, ...]
    by_group: Mapping[str, int]
    first_at: tuple[int, int]


def said(state: State) -> list[Said]:
    """All words with how many people said them, commonest first; among equals the one that was said first."""
    spellings: dict[str, Counter[str]] = {}
    people: dict[str, dict[str, bool]] = {}
    first: dict[str, tuple[int, int]] = {}
    for place, (voter, voice) in enumerate(state.voices.items()):
        for nth, (key, entry) in enumerate(voice.entries.items()):
            if not entry.text:
                # Erased: the person took their words back for good.
                continue
            spellings.setdefault(key, Counter())[entry.text] += 1
            root = state.merged.get(key, key)
            people.setdefault(root, {})[voter] = True
            first.setdefault(root, (place, nth))
    shown = fold(Counter(voice.group for voice in state.voices.values()))
    words = []
    for root, voters in people.items():
        also = [key for key, into in state.paired.items() if into == root and key in spellings]
        groups = Counter(shown[state.voices[voter].group] for voter in voters if state.voices[voter].group in shown)
        words.append(
            Said(
                key=root,
                word=_spelling(spellings, root, state),
                count=len(voters),
                also=tuple(_most_written(spellings[key]) for key in also),
                by_group={id: groups[id] for id in sorted(set(shown.values()), key=lambda id: (id == OTHER, id))},
                first_at=first[root],
            )
        )
    return sorted(words, key=lambda word: (-word.count, word.first_at))


def _most_written(seen: Counter[str]) -> str:
    # Counter keeps the order of coming, and max takes the first of equals.
    return max(seen, key=lambda text: seen[text])


def _spelling(spellings: Mapping[str, Counter[str]], root: str, state: State) -> str:
    """The most frequent spelling; where nobody says the root any more, that of a word merged into it."""
    if root in spellings:
        return _most_written(spellings[root])
    return next(
        (_most_written(spellings[key]) for key, into in state.merged.items() if into == root and key in spellings), root
    )


def _on_the_wall(state: State, words: Iterable[Said]) -> list[Said]:
    """What the room may see: not hidden, and let in by the desk where the setup asks for it."""
    first = state.setup.moderation == "before_wall"
    return [word for word in words if word.key not in state.hidden and (not first or word.key in state.approved)]


def view(state: State, screen: str) -> dict[str, Any]:
    """{"prompt","state","each","max","level","answered","words"?}; words are absent where they are not to be seen yet.

    A word: {"word","count","also"?,"by_group"?}, on the wall with "size" in px and at most 60 of them, on the desk with
    "key", and where it is so "hidden", "waiting", "joined". by_group: people per group, after the freeze only.
    """
    shown: dict[str, Any] = {
        "prompt": state.setup.prompt,
        "state": state.state,
        "each": state.setup.each,
        "max": state.setup.max,
        "level": state.level,
        "live": state.setup.live_results,
    }
    if screen != "phone" or state.state == "revealed":
        shown["answered"] = len(state.voices)
    if screen != "desk" and not state.setup.live_results and state.state != "revealed":
        return shown
    words = said(state)
    seen = _on_the_wall(state, words)
    if screen == "desk":
        on_wall = {word.key for word in seen}
        shown["words"] = [_for_the_desk(state, word, word.key in on_wall) for word in words]
        shown["alike"] = alike(state, words)
        return shown
    most = max((word.count for word in seen), default=1)
    shown["words"] = [_shown(state, word) for word in seen]
    if screen == "wall":
        shown["more"] = max(0, len(seen) - ON_THE_WALL)
        shown["words"] = [row | {"size": size(row["count"], most)} for row in shown["words"][:ON_THE_WALL]]
    return shown


def _shown(state: State, word: Said) -> dict[str, Any]:
    row: dict[str, Any] = {"word": word.word, "count": word.count}
    if word.also:
        row["also"] = list(word.also)
    if word.by_group and state.state != "open":
        row["by_group"] = dict(word.by_group)
    return row


def _for_the_desk(state: State, word: Said, on_wall: bool) -> dict[str, Any]:
    row = _shown(state, word) | {"key": word.key}
    if word.key in state.hidden:
        row["hidden"] = True
    elif not on_wall:
        row["waiting"] = True
    if word.key in state.merged.values():
        row["joined"] = True
    return row


def alike(state: State, words: Iterable[Said]) -> list[dict[str, str]]:
    """Pairs that may be the same word: alike but for the last sign or a final s. At most 12, never merged by itself."""
    by_stem: dict[str, Said] = {}
    pairs = []
    for word in words:
        stem = word.key.removesuffix("s")
        stem = stem[:-1] if stem and stem[-1] in "aeiou" else stem
        if len(stem) < 3:
            continue
        if stem in by_stem:
            into = by_stem[stem]
            pairs.append({"from": word.key, "into": into.key, "word": word.word, "with": into.word})
        else:
            by_stem[stem] = word
    return pairs[:12]


def mine(state: State, me: Me) -> dict[str, Any]:
    """{"words": own entries as typed, "left": how many more}."""
    voice = state.voices.get(me.voter(SCOPE if state.level == "anonymous" else None), Voice())
    return {
        "words": [entry.text for entry in voice.entries.values()],
        "left": max(0, state.setup.each - len(voice.entries)),
    }


def scope(state: State, ask: AnAsk) -> str | None:
    return SCOPE if state.level == "anonymous" and isinstance(ask, (AddWord, RemoveWord)) else None


def answered(state: State) -> dict[str, Any]:
    groups = Counter(voice.group for voice in state.voices.values() if voice.group is not None)
    return {"answered": len(state.voices), "by_group": dict(sorted(groups.items())), "voters": sorted(state.voices)}


def outcomes(state: State) -> list[dict[str, Any]]:
    """One list of words with counts; hidden words are left out, groups only where the small-cell rule shows them."""
    words = _on_the_wall(state, said(state))
    if not words:
        return []
    rows = [
        {"word": word.word, "count": word.count, "also": list(word.also)}
        | ({"by_group": dict(word.by_group)} if word.by_group else {})
        for word in words
    ]
    return [
        {
            "kind": "words",
            "prompt": dict(state.setup.prompt),
            "level": state.level,
            "people": len(state.voices),
            "words": rows,
        }
    ]


def rows(state: State) -> list[dict[str, Any]]:
    """One dict per entry, for tables in a file; at level anonymous without voter, group, time and language."""
    anonymous = state.level == "anonymous"
    table = [
        {
            "voter": None if anonymous else voter,
            "group": None if anonymous else voice.group,
            "word": entry.text,
            "counts_as": state.merged.get(key, key),
            "hidden": state.merged.get(key, key) in state.hidden,
            "at": None if anonymous else entry.at // 60_000 * 60_000,
            "level": state.level,
            "language": entry.language,
        }
        for voter, voice in state.voices.items()
        for key, entry in voice.entries.items()
    ]
    return sorted(table, key=lambda row: (str(row["counts_as"]), str(row["word"]))) if anonymous else table


def rehearse(view: dict[str, Any], mine: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated person would ask, looking at this view: (do, with) or None."""
    return rehearsals.word(view, mine, seed, sample)


def lead(view: dict[str, Any], desk: dict[str, Any], seed: int, sample: dict[str, Any]) -> Any:
    """What a simulated facilitator does next, see `contract.rehearse`."""
    return rehearsals.lead_words(view, desk)
