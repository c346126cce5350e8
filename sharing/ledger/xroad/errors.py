"""What does not hold in a message-log archive."""


class Broken(Exception):
    """An archive, a container or a signature that is not what it should be: what, in words without values of the message."""
