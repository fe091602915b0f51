"""What a checkpoint signs, and what of it is printed."""

import hashlib
from uuid import UUID

from server.attendance.chain import Checkpoint

CONFERENCE = UUID(int=7)
H = bytes(range(32))
MADE = Checkpoint(
    conference_id=CONFERENCE, n=3, h=H, at_ms=60_000, before=b"\x01\x02", key_id="k1"
)  # fmt: skip


def test_a_checkpoint_is_signed_as_the_documented_text() -> None:
    said = (
        f'{{"at_ms":60000,"before":"0102","conference":"{CONFERENCE.hex}","h":"{H.hex()}",'
        '"key_id":"k1","n":3,"rounds":"ledger checkpoint 1"}'
    ).encode()
    assert MADE.message() == said
    assert MADE.digest() == hashlib.sha256(said).digest()


def test_certificates_print_its_row_and_sixteen_digits() -> None:
    assert MADE.short() == "ledger row 3, 0001020304050607"
