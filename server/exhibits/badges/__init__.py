"""Badges handed over, and the leads they are."""
