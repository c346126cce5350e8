"""What a sample says of its columns: names, types, key, codes, identifiers."""
