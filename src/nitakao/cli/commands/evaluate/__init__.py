"""The commands of `nitakao evaluate`."""
