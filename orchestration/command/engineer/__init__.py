"""Commands of those who add a feed or change its contract."""
