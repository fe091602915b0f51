"""People: sign-in, profiles, roles."""
