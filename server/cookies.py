"""The login cookie: its name and how to find it. Knows nothing of who it belongs to."""

from http.cookies import CookieError, SimpleCookie


def cookie_name(*, secure: bool) -> str:
    """`__Host-` binds the cookie to https, this host and path /; plain http is for development."""
    return "__Host-login" if secure else "login"


def login_token(cookie_header: str, *, secure: bool) -> str | None:
    try:
        morsel = SimpleCookie(cookie_header).get(cookie_name(secure=secure))
    except CookieError:
        return None
    return morsel.value if morsel else None
