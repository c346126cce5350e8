"""Tables of counts and sums: which cells may not be told, which others hide them, rounding, and what two tables tell together."""
