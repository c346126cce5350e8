"""The engines that tables live in: one folder for each."""
