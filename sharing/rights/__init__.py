"""Rights of the person whom data is about: told what is held, correction asked for, restricted, erased; recipients are told."""
