"""The search inside a gallery in SQLite: a cache beside the database, which alone is the truth."""
