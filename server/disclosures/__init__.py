"""Disclosures: what must be shown before the first picture."""
