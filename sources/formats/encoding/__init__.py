"""In which encoding a text is written, and how it becomes UTF-8."""
