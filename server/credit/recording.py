"""What the ledger is told of claims and certificates, in the transaction that makes them.

Rows hold ids, figures and digests. Of what a certificate prints they hold a keyed digest, whose key
is erased with the person. `bodies` here are what `rechecking` expects to find.
"""

import hashlib
import hmac
from typing import Any
from uuid import UUID

from server.attendance import checkpoints, ledger
from server.attendance.canonical import canonical
from server.attendance.chain import Entry, Kind
from server.credit import store
from server.credit.rules import POLICY_VERSION
from server.credit.store import Recorded
from server.db import Rows
from server.signing import Signer


async def claimed(db: Rows, conference_id: UUID, claim_id: UUID, *, signer: Signer) -> str:
    """Enter a claim, and vouch for it at once: what its certificate prints of the checkpoint."""
    (claim,) = await store.recorded(db, conference_id, claim_id)
    who = await ledger.pseudonym(db, claim.person_id)
    entry = Entry(
        kind=Kind.CLAIM,
        subject=who.subject,
        command_id=claim.command_id,
        body=claim_body(claim, POLICY_VERSION),
    )
    await ledger.append(db, conference_id, [entry])
    signed = await checkpoints.make(db, conference_id, signer)
    assert signed is not None, "a row was added just now"
    return signed.checkpoint.short()


async def voided(
    db: Rows, conference_id: UUID, person_id: UUID, claim_id: UUID, *, reason: str
) -> None:
    who = await ledger.pseudonym(db, person_id)
    entry = Entry(kind=Kind.VOID, subject=who.subject, body=void_body(claim_id, reason))
    await ledger.append(db, conference_id, [entry])


async def certified(db: Rows, conference_id: UUID, claim_id: UUID) -> None:
    """Enter a certificate: its number, and digests of its address and of every word on it."""
    (claim,) = await store.recorded(db, conference_id, claim_id)
    who = await ledger.pseudonym(db, claim.person_id)
    body = certificate_body(claim, who.salt)
    await ledger.append(
        db, conference_id, [Entry(kind=Kind.CERTIFICATE, subject=who.subject, body=body)]
    )


def claim_body(claim: Recorded, policy: str) -> dict[str, Any]:
    return {
        "claim": claim.id.hex,
        "system": claim.system,
        "units": claim.units,
        "award": claim.award,
        "eligible_ms": claim.eligible_ms,
        "inputs_digest": claim.inputs_digest,
        "policy": policy,
    }


def void_body(claim_id: UUID, reason: str) -> dict[str, Any]:
    return {"claim": claim_id.hex, "reason_sha256": hashlib.sha256(reason.encode()).hexdigest()}


def certificate_body(claim: Recorded, salt: bytes) -> dict[str, Any]:
    assert claim.secret is not None
    return {
        "certificate": hashlib.sha256(claim.secret.encode()).hexdigest(),
        "claim": claim.id.hex,
        "number": claim.number,
        "printed": hmac.digest(salt, canonical(claim.printed), "sha256").hex(),
    }
