"""A contract: the only place where a feed is described, and what follows from it."""
