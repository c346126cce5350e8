"""What the columns of one SQL query are made of, clause by clause."""
