"""What is unlike the nights before, and who is told."""
