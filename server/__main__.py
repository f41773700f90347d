"""`python -m server` is `officina`."""

from .cli import app

app()
