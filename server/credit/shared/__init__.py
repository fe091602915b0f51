"""What all learners of a session share, read once for many of them."""
