"""Which GraphQL errors a client may read: its own mistakes. A bug shows an id, under which the log has the rest."""

from traceback import format_exception
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.db import database_failed
from app.ids import new_id
from app.schema.client_error import ClientError, RateLimited

log = structlog.get_logger()

#: How graphql-core begins what it says of arguments while it executes; its other words there are on our answers.
_ON_ARGUMENTS = ("Argument '", "Variable '")


def errors_of(result: ExecutionResult) -> list[dict[str, Any]]:
    """Return the errors of a result as they are sent."""
    invalid = isinstance(result, PreExecutionError)
    return [error_of(error, invalid=invalid) for error in result.errors or ()]


def error_of(error: GraphQLError, *, invalid: bool = False) -> dict[str, Any]:
    """Return one error as it is sent; `invalid` says that its document was not executed."""
    cause = _cause(error)
    if not _is_clients(error, cause):
        return {**error.formatted, **report_bug(cause)}
    formatted: dict[str, Any] = dict(error.formatted)
    code = "GRAPHQL_VALIDATION_FAILED" if invalid else "BAD_INPUT"
    if isinstance(cause, GraphQLSyntaxError):
        code = "GRAPHQL_PARSE_FAILED"
    return {**formatted, "extensions": {"code": code, **formatted.get("extensions", {})}}


def report_bug(cause: BaseException) -> dict[str, Any]:
    """Log what must not be seen outside; return the message and extensions that may be.

    The traceback goes without local variables, which hold secrets, and a statement without its parameters.
    """
    if database_failed(cause):
        log.error("the database did not answer", error=type(cause).__name__, reason=str(getattr(cause, "orig", cause)))
        return {"message": "The database does not answer. Try again.", "extensions": {"code": "UNAVAILABLE"}}
    report_id = new_id("err")
    log.error("internal error", id=report_id, traceback="".join(format_exception(cause)))
    return {"message": "Internal error", "extensions": {"code": "INTERNAL", "id": report_id}}


def is_request_error(result: ExecutionResult) -> bool:
    """Tell whether nothing was executed; then the answer has no data, not even null."""
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def rate_limit_of(result: ExecutionResult) -> RateLimited | None:
    """Return why a request was not executed, where its key has to wait."""
    causes = (_cause(error) for error in result.errors or ())
    return next((cause for cause in causes if isinstance(cause, RateLimited)), None)


def _cause(error: GraphQLError) -> BaseException:
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_clients(error: GraphQLError, cause: BaseException) -> bool:
    if isinstance(cause, ClientError | StrawberryInputCoercionError):
        return True
    if not isinstance(cause, GraphQLError):
        # A document nested beyond the interpreter's stack is the client's doing too.
        return isinstance(cause, RecursionError) and error.path is None
    return error.path is None or error.message.startswith(_ON_ARGUMENTS)
