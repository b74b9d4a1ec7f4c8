"""A gallery in PostgreSQL with pgvector: reaching it, and the search inside."""
