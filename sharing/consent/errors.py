"""Why a consent is not taken in."""


class NoConsent(Exception):
    """An artefact that cannot be used: why, and what to do. The message holds nothing of the person."""
