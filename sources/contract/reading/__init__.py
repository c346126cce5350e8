"""From the text of a contract file to its parts, with each problem told at its line."""
