"""The socket, as a stranger would speak it."""
