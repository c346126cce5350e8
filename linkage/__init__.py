"""The same person or body across agencies."""
