"""Polls of a session."""
