"""Dagster wiring and the `interagency` command: assets by step, checks, schedules, resources. No logic of its own."""

import os

# Usage reporting of the tools below stays off: a ministry's network is closed, and nothing may phone home. They read the
# environment before any configuration of ours.
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
