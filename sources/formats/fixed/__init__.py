"""Fixed width: records of mainframes and others, values at declared places."""
