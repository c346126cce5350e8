"""Keys: what signs, and what encrypts."""
