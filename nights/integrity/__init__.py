"""Whether what is read is what the platform wrote, and what a person vouches for."""
