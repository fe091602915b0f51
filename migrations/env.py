"""Runs migrations on either database, over a connection that the caller hands in."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

import server.agenda.store
import server.attendance.store
import server.audit.store
import server.captions.store
import server.credit.checks.store
import server.credit.corrections.store
import server.credit.exclusions.store
import server.credit.imports.store
import server.credit.policies.store
import server.credit.reviews.store
import server.credit.store
import server.disclosures.store
import server.exhibits.store
import server.people.store
import server.polls.store
import server.questions.store
import server.stages.store  # noqa: F401 - every table must be known
from server.db import Base, Doc, Instant, Word

MIGRATION_LOCK = 727001
"""One migration at a time, however many processes start at once (PostgreSQL advisory lock)."""


def render(kind: str, thing: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own types as what the database keeps: old migrations need no code of ours."""
    if kind != "type":
        return False
    if isinstance(thing, Instant):
        return "sa.DateTime(timezone=True)"
    if isinstance(thing, Word):
        return "sa.Text()"
    if isinstance(thing, Doc):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()


migrate(context.config.attributes["connection"])
