"""The ways this conference says no. Edges turn them into status codes; rules only raise them."""

from typing import ClassVar


class Refused(Exception):
    """An expected refusal: the caller is told why, and nothing is logged as an error.

    `code` is for programs, the message for people, `where` names the field at fault.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, message: str = "", *, where: str = "") -> None:
        super().__init__(message)
        self.where = where


class NotFound(Refused):
    code = "not_found"
    status = 404


class Forbidden(Refused):
    code = "forbidden"
    status = 403


class SignedOut(Refused):
    code = "signed_out"
    status = 401


class Invalid(Refused):
    """A field holds what it may not hold."""

    code = "invalid"
    status = 422


class TooMany(Refused):
    code = "too_many"
    status = 429


class Unavailable(Refused):
    """A part of the system that this needs is away; trying again later is right."""

    code = "unavailable"
    status = 503
