"""What is said of an agreement, a party or a key that cannot be used."""


class AgreementError(Exception):
    """An agreement, a signature or a key that cannot be used: file, place and remedy."""
