"""The GraphQL types. Objects are light rows, read by attribute; an edge is one call to a loader."""
