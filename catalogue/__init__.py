"""What there is: from which field a column comes, and whether it may be seen by everybody who reads the warehouse."""
