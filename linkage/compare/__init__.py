"""Which profiles are compared, and what a pair weighs."""
