"""What is said of a night: figures and words, whatever page shows them."""
