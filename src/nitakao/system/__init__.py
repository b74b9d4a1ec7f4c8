"""The machine below: files, locks, folders, cores, safe unpickling."""
