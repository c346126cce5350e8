"""JSON: documents and lines."""
