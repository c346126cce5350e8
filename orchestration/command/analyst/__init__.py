"""Commands of those who query what is published."""
