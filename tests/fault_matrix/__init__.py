"""The fault matrix: every provider × every operation × every fault → what becomes of the call (`docs/fault-matrix.md`).

`faults.py` says which faults there are, `stage.py` plays one of them, `table.py` writes the document. `make fault-matrix` makes it anew; the test compares.
The faults are made by our own proxy; `check_outside.py` makes the same by toxiproxy and mitmproxy, and has to see the same.
"""
