"""Search, identify, verify and classify faces."""
