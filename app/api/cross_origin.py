"""Browsers: pages of which origins may ask GraphQL."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.settings import Settings

#: For how many seconds a browser needn't ask again whether it may.
MAX_AGE = 600


def across_origins(view: ASGIApp, settings: Settings) -> ASGIApp:
    """Let pages of the allowed origins ask a view. They bring a bearer token: cookies are neither sent nor read.

    Where none are allowed, nothing is added to any answer.
    """
    if not settings.allowed_origins:
        return view
    return CORSMiddleware(
        view,
        allow_origins=settings.allowed_origins,
        allow_methods=("POST",),
        allow_headers=("Authorization",),
        expose_headers=("Retry-After",),
        max_age=MAX_AGE,
    )
