"""What is said of a night: what became of each feed, its verdict, its rejects, what is stale, and the nights before."""
