"""A file that waits in a page between its preview and its confirmation. Pure.

The server keeps nothing that a closed tab would leave behind.
"""

import base64
import binascii
import zlib

from server.agenda.importers.fields import MAX_BYTES
from server.errors import Invalid


def pack(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


def unpack(text: str) -> bytes:
    """The file of the preview; a page that was tampered with is refused, not believed."""
    opened = zlib.decompressobj()
    try:
        raw = opened.decompress(base64.b64decode(text, validate=True), MAX_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        raise Invalid("The preview was incomplete. Choose the file again.") from None
    if opened.unconsumed_tail:
        raise Invalid("This file is too large.")
    if not opened.eof:
        raise Invalid("The preview was incomplete. Choose the file again.")
    return raw
