"""What the rows of a feed add up to over its nights: which count, what changed, where the next night begins."""
