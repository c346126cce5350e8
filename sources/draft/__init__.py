"""A first draft of a feed from a sample of it: what an engineer would otherwise type, to be read and corrected."""
