"""Mail out: over SMTP, or to the operator's console when no mail server is set."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from server.errors import Unavailable

SECONDS = 20
"""How long a mail server may take; the person waits in front of the page meanwhile."""

log = structlog.get_logger()


class MailAway(Unavailable):
    code = "mail.away"


class Post(Protocol):
    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand a plain-text mail over; raises MailAway."""
        ...


class ConsolePost:
    """Prints what it would send: for a first evening without a mail server."""

    async def send(self, to: str, subject: str, text: str) -> None:
        print(f"\n— mail to {to}: {subject}\n{text}\n", flush=True)  # noqa: T201 - the operator's console


class SmtpPost:
    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "localhost"
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 25)
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._sender = sender or f"rounds@{self._host}"

    async def send(self, to: str, subject: str, text: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message.set_content(text)
        name, password = self._login
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=name or None,
                password=password or None,
                use_tls=self._tls,
                timeout=SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            log.warning("mail.away", error=type(error).__name__)
            raise MailAway("The mail could not be sent just now. Please try again soon.") from error


@asynccontextmanager
async def open_post(url: str, sender: str) -> AsyncGenerator[Post]:
    yield SmtpPost(url, sender) if url else ConsolePost()
