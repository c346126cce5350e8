"""What is done to a value before it leaves, as SQL of the engine."""
