"""Taking out for good: rows, what the journal says of them, and their bytes on the disk."""
