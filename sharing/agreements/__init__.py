"""Sharing agreements: signed by every party, one YAML each under `agreements/`; nothing is done with a feed without one in force."""
