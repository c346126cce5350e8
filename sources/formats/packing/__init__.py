"""What originals are packed in: compressed files and archives."""
