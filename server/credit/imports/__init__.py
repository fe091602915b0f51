"""Attendance that another tool reported: lines, whose they are, and what of them counts."""
