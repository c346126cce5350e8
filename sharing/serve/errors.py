"""What a request is answered with where it is refused."""


class Refused(Exception):
    """A status of HTTP, the protocol's code, and words for the recipient: nothing of what else there is."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def malformed(message: str) -> Refused:
    return Refused(400, "INVALID_PARAMETER_VALUE", message)


def unknown(message: str = "there is nothing of that name here for this token") -> Refused:
    """The same for what does not exist and what is another's."""
    return Refused(404, "RESOURCE_DOES_NOT_EXIST", message)


def forbidden(message: str) -> Refused:
    return Refused(403, "PERMISSION_DENIED", message)


def unauthenticated(message: str) -> Refused:
    return Refused(401, "UNAUTHENTICATED", message)
