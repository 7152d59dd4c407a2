"""One behaviour suite for all providers: the same cases (`cases.py`) against every server (`aws.py`, `azure.py`, `google.py`, `local.py`).

Where a server is wrong, `divergences.py` has a row with what it does instead, and the suite asserts that, so that a server that was corrected turns the
row red. Where a server has no such thing, the case is skipped with a reason that stands there too.
"""
