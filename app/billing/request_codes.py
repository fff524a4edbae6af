"""Why a request was not served, as a whole: `extensions.code` of GraphQL errors, and `code` of REST.

What is wrong with the input of a mutation is an `ErrorCode`.
"""

from enum import StrEnum


class RequestCode(StrEnum):
    """Why a request was not served; part of the API, so a member is never renamed."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    FOREIGN_NAMESPACE = "FOREIGN_NAMESPACE"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    BAD_REQUEST = "BAD_REQUEST"
    MALFORMED_JSON = "MALFORMED_JSON"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    BAD_TEXT = "BAD_TEXT"
    BAD_NUMBER = "BAD_NUMBER"
    BAD_INPUT = "BAD_INPUT"
    BAD_PAGE = "BAD_PAGE"
    BAD_CURSOR = "BAD_CURSOR"
    RATE_LIMITED = "RATE_LIMITED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


DESCRIPTIONS: dict[RequestCode, str] = {
    RequestCode.UNAUTHENTICATED: "GraphQL: no valid key came with the request, or it was revoked meanwhile.",
    RequestCode.UNAUTHORIZED: "REST: no valid key came with the request, or it was revoked meanwhile.",
    RequestCode.FORBIDDEN: "The key lacks a scope; the message names it.",
    RequestCode.FOREIGN_NAMESPACE: "The namespace of an event is not the merchant of the key.",
    RequestCode.METHOD_NOT_ALLOWED: "The address is not asked in this way; the header Allow says how it is.",
    RequestCode.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON in UTF-8, or it is compressed.",
    RequestCode.PAYLOAD_TOO_LARGE: "The body has more bytes than the address takes.",
    RequestCode.BAD_REQUEST: "GraphQL: the body is no JSON object with `query`, or does not say what to run. The "
    "message says where a value is that can't be read, like `$input.name` in the variables.",
    RequestCode.MALFORMED_JSON: "REST: the body is not JSON, or not of the form that the address takes.",
    RequestCode.VALIDATION_ERROR: "REST: fields are wrong; `errors` says which and why.",
    RequestCode.GRAPHQL_PARSE_FAILED: "The document is no GraphQL; `locations` says where.",
    RequestCode.GRAPHQL_VALIDATION_FAILED: "The document does not fit the schema; `locations` says where.",
    RequestCode.QUERY_TOO_COMPLEX: "The document is too long, deep, wide or entangled: `measure` and `bound` say how.",
    RequestCode.QUERY_TOO_COSTLY: "The operation costs more than any may; `field` says where most of it comes from.",
    RequestCode.BAD_TEXT: "A text of the document holds a NUL character or half a surrogate pair; `locations` says "
    "where.",
    RequestCode.BAD_NUMBER: "A number of the document has too many digits or too large an exponent; `locations` says "
    "where.",
    RequestCode.BAD_INPUT: "A variable or an argument has no value that its type or its field takes.",
    RequestCode.BAD_PAGE: "A page has a size that no list takes, or two sizes.",
    RequestCode.BAD_CURSOR: "`after` or `before`, as the message says, is not a cursor of this list in this order.",
    RequestCode.RATE_LIMITED: "The key asks more than it may for now; the header Retry-After says when to ask again.",
    RequestCode.UNAVAILABLE: "The database is away, or too much waits: ask again, mutations with `idempotencyKey`.",
    RequestCode.INTERNAL: "A bug of ours. Its `extensions.id` is in the log.",
}
