"""Top-level errors that a client caused and may read."""

from collections.abc import Iterator
from contextlib import contextmanager

from graphql import GraphQLError

from app.billing.errors import Refused


class ClientError(GraphQLError):
    """A request that can't be answered for a reason that is no bug, with its code for `extensions.code`."""

    def __init__(self, message: str, code: str = "BAD_INPUT") -> None:
        """Take a sentence for the client, and a code for its program."""
        super().__init__(message, extensions={"code": code})


@contextmanager
def names_arguments() -> Iterator[None]:
    """Turn a refusal in the block into an error that names every wrong argument: queries have no `userErrors`."""
    try:
        yield
    except Refused as refused:
        raise ClientError(str(refused)) from refused
