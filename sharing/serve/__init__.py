"""Recipients read their products by Delta Sharing: who asks is asked about at every request, and every read stands in the ledger."""
