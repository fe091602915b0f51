"""Presence checks: put to learners while a session is live, answered, and on record."""
