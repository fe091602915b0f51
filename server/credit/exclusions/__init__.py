"""Stretches of sessions that are no education, as officers mark them."""
