"""Exhibits: hall, booths, talks, badges."""
