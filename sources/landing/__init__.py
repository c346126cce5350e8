"""From what arrived to typed rows and rejects: every record is one of them."""
