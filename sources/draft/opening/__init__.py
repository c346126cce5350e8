"""The sample opened: its format, encoding and dialect guessed, and where its table is."""
