"""Credit: from presence to certificates."""
