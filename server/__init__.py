"""Officina: a live co-design workshop that runs from a facilitator's laptop."""

__version__ = "0.1.0"
