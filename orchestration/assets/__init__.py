"""What Dagster's two runs make: `ingest` and `harmonise`."""
