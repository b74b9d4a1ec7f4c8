"""Photographs without a gallery: detect, embed, align."""
