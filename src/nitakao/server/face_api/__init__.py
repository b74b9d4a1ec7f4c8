"""Microsoft's Face API for its own clients: one router per subject, combined in `app`."""
