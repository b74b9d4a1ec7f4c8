"""Information about a gallery, backups, checks, compaction and repair."""
