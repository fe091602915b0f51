"""The demo: a congress that is live now, with people in it."""
