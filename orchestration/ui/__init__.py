"""Dagster's web page: its server and guard, where its links lead, and when it loads contracts and models anew."""
