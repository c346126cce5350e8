"""What is wrong in what agencies send: the kinds of error, and where they are planted."""
