"""Use cases as plain functions: load, ask `billing`, write. They flush; the edge owns the transaction and commits."""
