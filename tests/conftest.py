"""One way to run every property test: the same examples each time, and no clock.

Tests run in as many processes as there are cores, so that each of them computes with one thread.
"""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # tables are as wide as in a pipe

settings.register_profile("reproducible", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("reproducible")
