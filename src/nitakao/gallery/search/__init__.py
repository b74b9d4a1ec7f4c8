"""Searches galleries. Every index is a cache: the database is the source of truth."""
