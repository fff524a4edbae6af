"""Top-level errors that a client caused and may read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphql import GraphQLError, Node

from app.billing.errors import Refused
from app.services.cost_budgets import OverBudget


class ClientError(GraphQLError):
    """A request that can't be answered for a reason that is no bug, with its code for `extensions.code`."""

    def __init__(self, message: str, code: str = "BAD_INPUT", node: Node | None = None, **details: Any) -> None:
        """Take a sentence for the client and, for its program, a code, the node that is wrong and what it may go by."""
        super().__init__(message, node, extensions={"code": code, **details})


class RateLimited(ClientError):
    """A request that may be sent again after some seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        """Take a sentence for the client, and after how many seconds there is an answer."""
        super().__init__(message, "RATE_LIMITED")
        self.retry_after = retry_after


@contextmanager
def names_arguments() -> Iterator[None]:
    """Turn a refusal in the block into an error that names every wrong argument: queries have no `userErrors`."""
    try:
        yield
    except Refused as refused:
        raise ClientError(str(refused)) from refused


@contextmanager
def names_debt() -> Iterator[None]:
    """Turn what can't be paid yet in the block into an error that says so."""
    try:
        yield
    except OverBudget as owing:
        message = f"The key owes for what it asked before, and has nothing left for {owing.retry_after} seconds."
        raise RateLimited(message, owing.retry_after) from owing
