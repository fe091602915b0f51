"""Exhibits over the socket."""

from server.access import Table

commands = Table()
