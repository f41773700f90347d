"""Somebody speaks: parts of a talk on the wall and on the phones, one after another."""
