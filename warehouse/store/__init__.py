"""What is kept at home: night folders, history, records, restricted files, and their seals."""
