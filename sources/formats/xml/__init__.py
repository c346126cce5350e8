"""XML: one element a record."""
