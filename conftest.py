"""For all tests, beside the code and in `tests/`: a property is about what holds, not about how fast one example was."""

from hypothesis import settings

settings.register_profile("officina", deadline=None)
settings.load_profile("officina")
