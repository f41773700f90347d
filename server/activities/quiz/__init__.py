"""Questions to the room with right answers, explanations and points."""
