"""Questions of the audience."""
