"""Forgetting somebody who asks for it."""
