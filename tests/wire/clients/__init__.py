"""Clients that are no part of the project: each runs in an environment of its own and imports nothing from here."""
