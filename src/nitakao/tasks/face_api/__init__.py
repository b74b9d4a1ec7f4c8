"""What Microsoft's Face API answers, out of vectors and distances: one file a question."""
