"""Badges: the secret that says who a phone is. Kept only as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_badge() -> str:
    """128 bits, URL-safe."""
    return secrets.token_urlsafe(16)


def new_person() -> str:
    return "p" + secrets.token_hex(8)


def hash_of(badge: str) -> str:
    """What the database keeps. A plain hash is enough for 128 bits of chance: there is nothing to guess."""
    return hashlib.sha256(badge.encode()).hexdigest()


def token(badge: str, session: str, stage: str, scope: str) -> str:
    """The one-way token of an anonymous answer: HMAC-SHA256(badge, session, stage, scope), first 128 bits (LIVE 6.1).

    It can be made again only while the phone presents its badge.
    """
    said = "\x1f".join((session, stage, scope))
    return "t" + hmac.new(badge.encode(), said.encode(), hashlib.sha256).hexdigest()[:32]
