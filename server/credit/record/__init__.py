"""What is on record, as officers look at it."""
