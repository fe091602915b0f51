"""Visits, the queue, threads and who of the staff is there."""
