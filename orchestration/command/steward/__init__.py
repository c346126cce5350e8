"""Commands of those who judge a night and decide on it."""
