"""Counts and paginated lists for the server."""
