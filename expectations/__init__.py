"""Gates: suites made from contracts, hand-written suites on harmonised tables, and what they say of a night."""

import os

# A ministry's network is closed, and nothing may phone home; great-expectations reads this at import.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
