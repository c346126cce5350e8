"""From pairs to things: what identifiers prove, clusters, ids that stay, and what a steward decided."""
