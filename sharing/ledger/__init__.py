"""The ledger: what was done, in a log that nobody can change unseen."""
