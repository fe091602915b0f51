"""Connections to PostgreSQL whose other end is missed when it vanishes, at both ends.

A firewall that drops, or a cable, tells nobody. By itself TCP goes on for a quarter of an hour, and
PostgreSQL keeps the locks of who was cut off for two hours. It knows no rows.
"""

import asyncio
import socket
from typing import Any

import asyncpg  # type: ignore[import-untyped]

CONNECT_SECONDS = 5.0
"""PostgreSQL takes somebody in within milliseconds; a lost first packet is sent again after one."""

VANISHED_SECONDS = 10
"""Without a sign of life from the other machine a connection is given up, at both ends: a firewall
that drops, or a cable, tells nobody. A PostgreSQL that is only slow has a machine that answers."""

KEEPALIVE_SECONDS, KEEPALIVES = 4, 3
"""The first question after so much silence, another two seconds later, and so on."""

LET_GO_SECONDS = 10
"""A server's transaction in which nothing happens for so long is ended by PostgreSQL: whoever was
cut off in the middle of one holds the ledger's head, and everybody else would wait."""


class Watched(asyncpg.Connection):  # type: ignore[misc]
    """One whose other end is missed when its packets are dropped."""

    def __init__(self, protocol: Any, transport: asyncio.BaseTransport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        line: socket.socket | None = transport.get_extra_info("socket")
        if line is None or line.family == socket.AF_UNIX:
            return
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
            ("TCP_KEEPINTVL", 2),
            ("TCP_KEEPCNT", KEEPALIVES),
            ("TCP_USER_TIMEOUT", VANISHED_SECONDS * 1000),
        ):
            if (option := getattr(socket, name, None)) is not None:  # not every system has each
                line.setsockopt(socket.IPPROTO_TCP, option, value)


_LET_GO = f"""
SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
  ('idle_in_transaction_session_timeout', '{LET_GO_SECONDS}s'),
  ('tcp_user_timeout', '{VANISHED_SECONDS}s'),
  ('tcp_keepalives_idle', '{KEEPALIVE_SECONDS}'),
  ('tcp_keepalives_interval', '2'),
  ('tcp_keepalives_count', '{KEEPALIVES}'),
  ('client_connection_check_interval', '2s')
) AS wanted (name, value) USING (name)
"""  # noqa: S608 - of our own numbers
"""How PostgreSQL finds out that we are gone, as far as it can; also while it waits for a lock."""


def let_go(connection: Any, _record: object) -> None:
    """Not said in connecting: poolers refuse what they do not know."""
    cursor = connection.cursor()
    cursor.execute(_LET_GO)
    cursor.close()
    connection.commit()
