"""Fill, group, correct, export and maintain a gallery."""
