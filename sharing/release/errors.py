"""Why nothing leaves."""


class NotReleased(Exception):
    """A release that is refused: why, and what to do. Nothing was written, and nothing was delivered."""
