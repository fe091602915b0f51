"""Attendance: evidence of presence."""
