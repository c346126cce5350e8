"""Why a person's request is not carried out."""


class NotCarriedOut(Exception):
    """A request that is refused: why, and what to do. The message holds nothing of the person."""
