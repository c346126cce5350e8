"""Landing what the agencies send in a night: all feeds at once, each by itself, from their systems or from kept originals."""
