"""One question, asked at every door: may this be done with these columns, for this purpose, now, and why."""
