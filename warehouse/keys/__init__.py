"""What protects data at rest: the platform's key, the data keys that it wraps, and files that are sealed under them."""
