"""The engine and the places where tables live: opening DuckDB, night folders, publishing, records."""
