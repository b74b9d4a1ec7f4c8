"""Detect, embed and align faces of photos, without a gallery."""
