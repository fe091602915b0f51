"""Agenda: conferences, tracks, sessions, faculty."""
