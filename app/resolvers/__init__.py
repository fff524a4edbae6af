"""Root fields: each at most ten lines, and the edge that owns the transaction."""
