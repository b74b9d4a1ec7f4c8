"""Model cards: what a network expects and what its distances mean."""
