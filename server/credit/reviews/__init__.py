"""A learner asks for a second look at what is on record of them."""
