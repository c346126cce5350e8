"""What the agencies send: contracts, connectors, formats, landing. One folder per agency holds its contracts."""
