"""Real servers for tests: PostgreSQL, Redis, Valkey, SMTP, Chromium and Rounds itself.

Each is found or fetched, started on a free port with its own folder, and ended with its test.
Nothing here knows what a test asserts, and nothing is skipped: what is missing fails by its name.
"""
