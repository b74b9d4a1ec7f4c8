"""The operations of Microsoft's Face API on embeddings and distances, one module each."""
