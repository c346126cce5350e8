"""What goes wrong before any work is done; light enough to be imported by everything."""


class SettingError(Exception):
    """An environment variable, or a file of the operator's, with something that cannot be used."""


class KeyRefused(SettingError):
    """Something is encrypted and cannot be read or written with the key that is given, or without one: what, and what to do."""
