"""Commands of those who agree on what is shared, and prove afterwards what happened."""
