"""Events: read, stored once, and counted."""
