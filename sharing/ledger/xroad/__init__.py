"""The evidence of X-Road: message-log archives, and what binds an exchange into the ledger."""
