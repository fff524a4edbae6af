"""The HTTP surface beside GraphQL: events, and the health of the process."""
