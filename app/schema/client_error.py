"""Top-level errors that a client caused and may read."""

from graphql import GraphQLError


class ClientError(GraphQLError):
    """A request that can't be answered for a reason that is no bug, with its code for `extensions.code`."""

    def __init__(self, message: str, code: str = "BAD_INPUT") -> None:
        """Take a sentence for the client, and a code for its program."""
        super().__init__(message, extensions={"code": code})
