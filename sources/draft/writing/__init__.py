"""The drafts as files: contract, staging model, mart."""
