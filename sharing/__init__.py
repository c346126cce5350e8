"""Sharing under agreements: without an in-date agreement nothing is pulled."""
