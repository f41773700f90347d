"""Boards: people write notes on zones, group them, vote, and draft ideas from them."""
