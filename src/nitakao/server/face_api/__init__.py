"""Microsoft's Face API, as its own clients speak it: a router for each subject, put together in `app`."""
