"""What people agreed to: artefacts of consent managers, taken in and held at every release and every read."""
