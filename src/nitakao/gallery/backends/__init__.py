"""The databases that can hold a gallery: SQLite, and PostgreSQL with pgvector."""
