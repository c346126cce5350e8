"""Attacks on the platform, one module for each door: what a hostile agency, web page or operator would try."""
