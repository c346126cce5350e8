"""What leaves: one product of an agreement for one recipient of one night, exactly as agreed, with a signed manifest, in the ledger."""
