"""What each agency sends on a night: one module per agency, with `extracts(night)` and `write(folder, night, sent)`."""
