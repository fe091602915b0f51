"""The ledger: a chain of rows per conference, its checkpoints, and who its subjects are.

Sealed spans get the number of the row that tells of them. What was on record before there was a
ledger enters it now, so that nothing stays outside the chain.
"""

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

GUARDED = ("ledger", "checkpoint")
REFUSAL = "this table is only added to"
READ = ("live_interval", "disclosure_shown", "span", "claim", "certificate")


def upgrade() -> None:
    _tables()
    with op.batch_alter_table("span") as span:
        span.add_column(sa.Column("n", sa.BigInteger(), nullable=True))
    op.create_index("uq_span_n", "span", ["conference_id", "n"], unique=True)
    _enter_what_is_there(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in GUARDED:
        if postgresql:
            op.execute(f"DROP TRIGGER {table}_is_kept ON {table}")
            op.execute(f"DROP TRIGGER {table}_is_not_emptied ON {table}")
        else:
            for act in ("update", "delete", "insert"):
                op.execute(f"DROP TRIGGER {table}_no_{act}")
    if postgresql:
        op.execute("DROP FUNCTION refuse_change()")
    op.drop_index("uq_span_n", table_name="span")
    with op.batch_alter_table("span") as span:
        span.drop_column("n")
    for table in ("claim_facts", "checkpoint", "ledger_head", "ledger", "subject"):
        op.drop_table(table)


def _tables() -> None:
    op.create_table(
        "subject",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_subject_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name="pk_subject"),
        sa.UniqueConstraint("subject", name="uq_subject_subject"),
    )
    op.create_table(
        "ledger",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("command_id", sa.Uuid(), nullable=True),
        sa.Column("committed_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.Uuid(), nullable=False),
        sa.Column("mono_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("h", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conference_id", "n", name="pk_ledger"),
    )
    op.create_index("uq_ledger_command_id", "ledger", ["conference_id", "command_id"], unique=True)
    op.create_index("ix_ledger_subject", "ledger", ["subject"])
    op.create_table(
        "ledger_head",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("h", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conference_id", name="pk_ledger_head"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("h", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sig", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conference_id", "n", name="pk_checkpoint"),
    )
    op.create_table(
        "claim_facts",
        sa.Column("conference_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conference_id", "claim_id"],
            ["claim.conference_id", "claim.id"],
            name="fk_claim_facts_conference_id_claim_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conference_id", "claim_id", name="pk_claim_facts"),
    )


def _guard_postgresql() -> None:
    """The second barrier; the first is that the running role has no such right."""
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    for table in GUARDED:
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        # Default privileges gave the running role more than it may have here.
        op.execute(
            f"""
            DO $$ DECLARE other text; BEGIN
              FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
                WHERE table_schema = current_schema() AND table_name = '{table}'
                AND grantee <> current_user AND grantee <> 'PUBLIC'
              LOOP EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM %I', other);
              END LOOP; END $$
            """  # noqa: S608 - our own names
        )


def _guard_sqlite() -> None:
    for table in GUARDED:
        for act in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        # INSERT OR REPLACE deletes without asking the trigger above.
        op.execute(
            f"""
            CREATE TRIGGER {table}_no_insert BEFORE INSERT ON {table} WHEN EXISTS
              (SELECT 1 FROM {table} WHERE conference_id = NEW.conference_id AND n = NEW.n)
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
            """  # noqa: S608 - our own names
        )


def _enter_what_is_there(connection: sa.Connection) -> None:
    metadata = sa.MetaData()
    metadata.reflect(connection, only=[*READ, "subject", "ledger", "ledger_head"])
    tables = metadata.tables
    for table in tables.values():  # SQLite knows no type for ids and would give text back
        for column in table.columns:
            if column.name in {"id", "subject", "connection", "boot_id"} or (
                column.name.endswith("_id")
            ):
                column.type = sa.Uuid()
    for conference_id, entries in _entries(connection, tables).items():
        _append(connection, tables, conference_id, entries)


def _entries(connection: sa.Connection, tables: Any) -> dict[UUID, list[Any]]:
    """Kind, subject, body, and the span's id for spans, by conference."""
    subjects: dict[UUID, UUID] = {}
    salts: dict[UUID, bytes] = {}

    def subject(person_id: UUID) -> UUID:
        if person_id not in subjects:
            subjects[person_id], salts[person_id] = uuid4(), secrets.token_bytes(32)
            values = {"subject": subjects[person_id], "salt": salts[person_id]}
            connection.execute(tables["subject"].insert().values(person_id=person_id, **values))
        return subjects[person_id]

    found: dict[UUID, list[Any]] = {}
    for row in connection.execute(tables["live_interval"].select()).mappings():
        steps = [("on", row["from_ms"]), *([("off", row["to_ms"])] if row["to_ms"] else [])]
        for turn, at_ms in steps:
            body = {"at_ms": at_ms, "session": row["session_id"].hex, "turn": turn}
            found.setdefault(row["conference_id"], []).append(("live", None, body, None))
    for row in connection.execute(tables["disclosure_shown"].select()).mappings():
        body = {"session": row["session_id"].hex, "sha256": row["sha256"]}
        who = subject(row["person_id"])
        found.setdefault(row["conference_id"], []).append(("disclosure", who, body, None))
    spans = tables["span"].select().order_by(tables["span"].c.first_ms, tables["span"].c.id)
    for row in connection.execute(spans).mappings():
        body = {name: bool(row[name]) for name in ("booth", "left", "playing", "visible")} | {
            name: row[name] for name in ("beats", "device", "first_ms", "last_ms", "max_gap_ms")
        }
        body |= {"connection": row["connection"].hex, "space": row["space_id"].hex}
        body |= {"span": row["id"].hex}
        who = subject(row["person_id"])
        found.setdefault(row["conference_id"], []).append(("span", who, body, row["id"]))
    for row in connection.execute(tables["claim"].select()).mappings():
        who = subject(row["person_id"])
        body = {name: row[name] for name in ("award", "eligible_ms", "inputs_digest", "system")}
        body |= {"claim": row["id"].hex, "policy": "", "units": row["units"]}
        found.setdefault(row["conference_id"], []).append(("claim", who, body, None))
        if row["voided_at"] is not None:
            reason = hashlib.sha256(row["void_reason"].encode()).hexdigest()
            body = {"claim": row["id"].hex, "reason_sha256": reason}
            found[row["conference_id"]].append(("void", who, body, None))
    for row in connection.execute(tables["certificate"].select()).mappings():
        who = subject(row["person_id"])
        printed = _canonical(row["printed"]).encode()
        body = {
            "certificate": hashlib.sha256(row["secret"].encode()).hexdigest(),
            "claim": row["claim_id"].hex,
            "number": row["number"],
            "printed": hmac.digest(salts[row["person_id"]], printed, "sha256").hex(),
        }
        found.setdefault(row["conference_id"], []).append(("certificate", who, body, None))
    return found


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _append(connection: sa.Connection, tables: Any, conference_id: UUID, entries: Any) -> None:
    h = hashlib.sha256(b"rounds ledger 1\n" + conference_id.hex.encode()).digest()
    boot_id, mono_ms, now_ms = uuid4(), time.monotonic_ns() // 10**6, time.time_ns() // 10**6
    span = tables["span"]
    n = 0
    for n, (kind, subject, content, span_id) in enumerate(entries, 1):
        body = _canonical(content)
        who = subject.hex if subject else ""
        prefix = f"{conference_id.hex}\n{n}\n{kind}\n{who}\n\n{now_ms}\n{boot_id.hex}\n{mono_ms}\n"
        h = hashlib.sha256(h + (prefix + body).encode()).digest()
        values = {"conference_id": conference_id, "n": n, "kind": kind, "subject": subject}
        values |= {"command_id": None, "committed_ms": now_ms, "boot_id": boot_id}
        values |= {"mono_ms": mono_ms, "body": body, "h": h}
        connection.execute(tables["ledger"].insert().values(**values))
        if span_id is not None:
            connection.execute(
                span.update()
                .where(span.c.conference_id == conference_id, span.c.id == span_id)
                .values(n=n)
            )
    connection.execute(tables["ledger_head"].insert().values(conference_id=conference_id, n=n, h=h))
