"""What the server keeps, and lists that are read page by page."""
