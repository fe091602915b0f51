"""Reads the programmes of other tools into frozen values. Knows no database and writes nothing."""
