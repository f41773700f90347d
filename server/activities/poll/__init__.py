"""Questions to the room without right or wrong, one at a time."""
