"""Tasks on a file of vectors instead of a gallery."""
