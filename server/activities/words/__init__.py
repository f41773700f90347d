"""A word cloud: a few short words from everybody, counted by people."""
