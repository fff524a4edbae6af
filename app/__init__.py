"""Billgraph: a usage-based billing API."""
