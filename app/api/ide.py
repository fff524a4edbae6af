"""GraphiQL at `/graphiql`: the files that `ide/` was built into, for development only (docs/decisions/0007)."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.settings import Profile

_BUILD = Path(__file__).parent / "graphiql"
# Monaco writes style elements, and its icons are in part data; everything else is a file of ours.
_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "font-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "content-security-policy": "; ".join(f"{kind} {sources}" for kind, sources in _SOURCES.items()),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class _Build(StaticFiles):
    def get_path(self, scope: Scope) -> str:
        # Under any other name of a file, with a slash more or a dot, the page's relative addresses would lead nowhere.
        asked: str = scope["path"].removeprefix(scope["root_path"])
        path = "index.html" if asked == "/" else super().get_path(scope)
        if asked not in ("/", f"/{path}"):
            raise HTTPException(404)
        return path

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        # The names of assets change with their content; those of the page and its licences do not.
        hashed = path.startswith("assets/")
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


def ide_routes(profile: Profile) -> list[BaseRoute]:
    """Return `/graphiql`, and `/` which leads a person there; in production neither."""
    if profile is Profile.PRODUCTION:
        return []
    # The page finds its files and the API relative to itself, so its address must end in a slash.
    return [
        Route("/", RedirectResponse("/graphiql"), methods=["GET"]),
        Route("/graphiql", RedirectResponse("/graphiql/"), methods=["GET"]),
        Mount("/graphiql", _Build(directory=_BUILD)),
    ]
