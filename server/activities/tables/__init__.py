"""Tables: who sits where, balanced, with new people each time."""
