"""How dates, times and numbers are written in texts, and what they mean."""
