"""Ask a gallery or a folder who a face is: search, identify, verify, classify."""
