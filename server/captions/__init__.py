"""Captions of a session."""
