"""A small country with known truth, and the systems of its agencies, for trying and testing the platform."""
