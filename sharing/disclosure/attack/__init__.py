"""A release attacked before it goes, beside the same attack on people who are not in it: the gain is what the release gives away."""
