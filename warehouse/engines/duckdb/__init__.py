"""DuckDB: how it is opened, what is added to it, and what is asked of its parser."""
