"""What is declared about an entity: which columns tell it, and how they are compared."""
