"""The text of a note when two people changed it at once, and how its length is counted (CANVAS 5.1, 2.3)."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from .messages import clean

#: The longest text of a note in code points (CANVAS 2.3).
LONGEST = 500

# A word keeps the blank behind it. Were blanks tokens of their own, the one between two neighbouring words would keep
# their changes apart, and "orari notturni" with "aperture serali" would become "aperture notturni", which nobody wrote.
_TOKEN = re.compile(r"\w+\s*|[^\w\s]+\s*|\s+")

# (start, end, words): the tokens [start, end) of the base become these words; start == end inserts.
_Change = tuple[int, int, tuple[str, ...]]


def tidy(text: str) -> str:
    """The text as a fact keeps it: NFC, without control characters other than the line feed."""
    if text.isprintable():
        # Nothing to take out: most notes are a line of plain words, and this is asked for every one of them.
        return unicodedata.normalize("NFC", text)
    # Composed last, because a control character may stand between a letter and its accent.
    return unicodedata.normalize(
        "NFC", "".join(sign for sign in clean(text) if sign == "\n" or unicodedata.category(sign) != "Cc")
    )


def length(text: str) -> int:
    """The length in code points of the text as it would be kept."""
    return len(tidy(text))


def merge(base: str, current: str, mine: str, longest: int = LONGEST) -> str | None:
    """One text with the changes of both, or None when both texts must be kept, as variants.

    base: the text that the author of `mine` saw; current: the text as it is now; all three as `tidy` leaves them.
    Changes of the two sides must have at least one unchanged token between them; the same change made by both counts
    once. None also when the result is over `longest` code points. So any two words that are neighbours in the result
    are neighbours in one of the three texts, and current and mine may change places.
    """
    words = tokens(base)
    theirs, ours = _changes(words, tokens(current)), _changes(words, tokens(mine))
    for i1, i2, put in theirs:
        for k1, k2, other in ours:
            if not (i2 < k1 or k2 < i1 or (i1, i2, put) == (k1, k2, other)):
                return None
    # From the end, so that the places of the changes still to come stay those of the base.
    for start, end, put in sorted({*theirs, *ours}, reverse=True):
        words[start:end] = put
    merged = "".join(words)
    return merged if len(merged) <= longest else None


def tokens(text: str) -> list[str]:
    """Words and runs of punctuation, each with the blanks behind it; joined they are the text again."""
    return _TOKEN.findall(text)


def _changes(base: list[str], changed: list[str]) -> list[_Change]:
    # The heuristic for junk would leave frequent words out of the comparison of longer texts.
    compared = SequenceMatcher(None, base, changed, autojunk=False)
    return [
        (start, end, tuple(changed[first:last]))
        for kind, start, end, first, last in compared.get_opcodes()
        if kind != "equal"
    ]
