"""Batching only: keys in, rows out in key order, one statement each. Rows are light, and nothing here writes."""
