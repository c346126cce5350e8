"""What goes wrong with an extract, told so that a person can mend it."""

from sources.file_names import printable

_LONGEST_MESSAGE = 3000


class ExtractError(Exception):
    """An extract that did not arrive or cannot be read: what happened, where, and what to do.

    Names that an agency chose stand in it, so it is made safe to print and of a length that a person reads.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, _LONGEST_MESSAGE))


class NotAllowed(Exception):
    """No agreement in force allows it: why, and what to do."""
