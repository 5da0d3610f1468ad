"""Faults that are planted on purpose: one check taken away at a time, and the tests that must notice.

`python -m tests.planted` runs it and prints a table; it takes some minutes, so it is no part of `make test`.
"""
