"""Policy ideas: the model, the rules and the arithmetic that a session's activity and a path share.

Begin with `model.py` (the form) and `messages.py` (asks and facts). `rules.py` offers what an activity needs: `start`,
`decide`, `evolve`, `view`, `mine`, `outcomes`. `fields.described()` tells a screen which fields there are;
`drafting.from_draft` makes them of a board's notes; words are in `words.it.toml` and `words.en.toml`.
"""
