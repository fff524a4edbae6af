"""Which server a command speaks to, and as whom."""

import re
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")

UrlOption = Annotated[str, typer.Option("--url", envvar="BILLGRAPH_URL", help="Where the server answers.")]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key", envvar="BILLGRAPH_API_KEY", help="An API key. Others see a command line, so rather set the variable."
    ),
]
SandboxOption = Annotated[bool, typer.Option("--sandbox", help="The sandbox instead of the live environment.")]
#: The file that is stdin or stdout.
STANDARD = "-"
DEFAULT_URL = "http://127.0.0.1:8000"


class CommandError(Exception):
    """Why a command can't go on, in a sentence for the person who typed it."""


@dataclass(frozen=True)
class Target:
    """One environment of a server, and the key for it."""

    url: str
    key: str = field(repr=False)
    sandbox: bool

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"authorization": f"Bearer {self.key}"}

    def address(self, path: str) -> str:
        """Return the address of a path of the API."""
        return f"{self.url}{'/sandbox' if self.sandbox else ''}{path}"


def find_target(url: str, key: str | None, *, sandbox: bool) -> Target:
    """Return where to and as whom; raise CommandError for a URL or key that can't be used."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(url).host.encode("idna")  # as it is done for the connection, where it would be too late to say so
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable or parts.query or parts.fragment or re.search(r"[^!-~]", url):
        raise CommandError(f"--url must be the address of a server, like {DEFAULT_URL}.")
    if "@" in parts.netloc:
        raise CommandError("--url must hold no user name and no password: the API key says who you are.")
    if not key:
        raise CommandError(_how_to_get_a_key(parts.hostname))
    if re.fullmatch(r"[!-~]+", key) is None:
        raise CommandError("--key is not an API key: those begin with sk_ and hold no spaces.")
    return Target(url.rstrip("/"), key, sandbox)


def _how_to_get_a_key(host: str | None) -> str:
    message = "An API key is needed: set BILLGRAPH_API_KEY, or give --key."
    if host in LOCAL_HOSTS:
        return f"{message} To make one, run where the server was started: billgraph keys create"
    return f"{message} `billgraph keys create` on the server's machine makes one."
