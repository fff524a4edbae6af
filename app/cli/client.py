"""A client of a running server, with every way it can fail said in a sentence."""

import json
import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from app import strict_json
from app.cli.target import CommandError, Target

CONNECT_WITHIN = 5
#: A clock that is moved by a year answers when all of it is billed.
ANSWER_WITHIN = 120
#: Answers nest what was stored, which nests 32 deep at most.
MAX_ANSWER_DEPTH = 64
TIMEOUT = httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN)


class Api:
    """GraphQL and events of one environment, over connections that are kept open."""

    def __init__(self, target: Target, transport: httpx.BaseTransport | None = None) -> None:
        """Take where to and as whom; nothing is sent yet."""
        self.target = target
        try:
            self._http = httpx.Client(headers=target.headers, timeout=TIMEOUT, transport=transport)
        except OSError as error:
            what = f"The certificates to trust can't be read: {error.strerror}."
            raise CommandError(f"{what} SSL_CERT_FILE and SSL_CERT_DIR say where they are.") from error
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            names = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
            raise CommandError(f"The proxy that {names} describe can't be used: {error}") from error

    def __enter__(self) -> Self:
        """Use the client; the end of the block closes its connections."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run a document and return its data, numbers with every digit; raise CommandError for what went wrong."""
        answer = self._post("/graphql", {"query": document, "variables": variables})
        if errors := _entries(answer.get("errors")):
            raise CommandError(_explain_errors(errors))
        data = answer.get("data")
        if answer.get("errors") or not isinstance(data, dict) or not data or None in data.values():
            raise CommandError(_explain_stranger(self.target, "an answer without data"))
        return data

    def change(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run mutations and return their payloads; a refusal in one of them raises CommandError."""
        payloads = self.run(document, **variables)
        errors = [error for payload in payloads.values() for error in payload["userErrors"]]
        if errors:
            raise CommandError("\n".join(say_user_error(error) for error in errors))
        return payloads

    def post_event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Report one event and return its acknowledgement; raise CommandError where there is none."""
        return self._post("/v0/events", event)

    def send(self, path: str, body: bytes) -> httpx.Response:
        """Post JSON as it is and return whatever is answered; raise httpx.RequestError where nothing is."""
        headers = {"content-type": "application/json"}
        return self._http.post(self.target.address(path), content=body, headers=headers)

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = self.send(path, json.dumps(body).encode())
        except httpx.RequestError as error:
            raise CommandError(explain_failure(error, self.target)) from error
        answer = read_answer(response)
        if not response.is_success or answer is None:
            raise CommandError(explain_response(response, self.target))
        return answer


def read_answer(response: httpx.Response) -> dict[str, Any] | None:
    """Return the JSON object that a response holds, or None where it holds none."""
    try:
        answer = strict_json.decode(response.content, MAX_ANSWER_DEPTH, any_number=True)
    except strict_json.MalformedJson:
        return None
    return answer if isinstance(answer, dict) else None


def explain_failure(error: httpx.RequestError, target: Target) -> str:
    """Say why there was no answer at all."""
    if isinstance(error, httpx.DecodingError):
        return _explain_stranger(target, "an answer whose compression is broken")
    if isinstance(error, httpx.ConnectError) and "SSL" in str(error):  # all that is left of its cause
        return f"No safe connection to {target.url} can be made: {error}."
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"No server answers at {target.url}. Is `billgraph serve` running there?"
    if isinstance(error, httpx.TimeoutException):
        return f"The server at {target.url} did not answer within {ANSWER_WITHIN} seconds."
    return f"The connection to {target.url} broke off: {str(error) or type(error).__name__}."


def explain_response(response: httpx.Response, target: Target) -> str:
    """Say what an answer other than success means; GraphQL and events word their errors differently."""
    answer = read_answer(response) or {}
    message = reason_of(answer)
    if message is None:
        kind = response.headers.get("content-type", "no content type")
        return _explain_stranger(target, f"{response.status_code} and {kind}")
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return f"The server at {target.url} does not take this API key. `billgraph keys list` shows which are valid."
    if response.status_code == httpx.codes.FORBIDDEN:
        return f"The key may not do this: {message}"
    if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return (
            f"The server at {target.url} takes no more: {message} Set BILLGRAPH_MAX_GRAPHQL_BODY there to more bytes."
        )
    return f"The server at {target.url} answered {response.status_code}: {message}"


def reason_of(answer: Mapping[str, Any]) -> str | None:
    """Return what an error answer says, with its fields; None where it is not of our server."""
    errors = _entries(answer.get("errors"))
    if errors and "message" not in answer:
        return _explain_errors(errors)
    if not isinstance(answer.get("message"), str):
        return None
    return "; ".join(map(say_user_error, errors)) or str(answer["message"])


def say_user_error(error: Mapping[str, Any]) -> str:
    """Return one problem of an input: where it is, and what."""
    message = str(error.get("message"))
    return f"{error['field']}: {message}" if error.get("field") else message


def _entries(errors: object) -> list[dict[str, Any]]:
    """Return those errors of an answer that have the form of ours."""
    listed = errors if isinstance(errors, list) else []
    return [error for error in listed if isinstance(error, dict) and isinstance(error.get("message"), str)]


def _explain_errors(errors: Sequence[Mapping[str, Any]]) -> str:
    messages = [error["message"] for error in errors]
    extensions = [error["extensions"] for error in errors if isinstance(error.get("extensions"), dict)]
    forbidden = any(each.get("code") == "FORBIDDEN" for each in extensions)
    return f"{'The key may not do this: ' if forbidden else ''}{'; '.join(messages)}"


def _explain_stranger(target: Target, what: str) -> str:
    what = re.sub(r"[^ -~]", "?", what)
    return f"What answers at {target.url} is not Billgraph's API: it sent {what}. Is the URL right?"
