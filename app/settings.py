"""Settings from the environment: the only place that reads it. Each is BILLGRAPH_ and the field's name in capitals."""

import inspect
from enum import StrEnum
from typing import Annotated, Final

import asyncpg
from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, TypeAdapter
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PREFIX: Final = "BILLGRAPH_"
_SQLITE: Final = "sqlite+aiosqlite"
_POSTGRESQL: Final = "postgresql+asyncpg"
_PORTS: Final = range(1, 65536)


class Profile(StrEnum):
    """How open the server is: development shows GraphiQL, introspection and GET queries, production does not."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


_URL = TypeAdapter(HttpUrl)


def _address(given: object) -> str:
    """Return an address that paths can be appended to."""
    url = _URL.validate_python(given)
    if url.username or url.password or url.query is not None or url.fragment is not None:
        raise ValueError("A public URL has no user, query or fragment.")
    return str(url).rstrip("/")


def _origins(given: object) -> object:
    """Return origins as browsers write them, given with commas or spaces between."""
    return frozenset(map(_origin, given.replace(",", " ").split())) if isinstance(given, str) else given


def _origin(given: str) -> str:
    # Origins are compared as they are: with a part too many none would ever be the same, and nobody would know why.
    if "*" in given:
        raise ValueError("Name every allowed origin: one that stands for others would let in pages of strangers.")
    url = _URL.validate_python(given)
    if url.username or url.password or url.path not in {None, "/"} or url.query is not None or url.fragment is not None:
        raise ValueError("An allowed origin is a scheme, a host and perhaps a port, like https://app.example.com.")
    standard = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{url.host}" + ("" if url.port == standard else f":{url.port}")


def _database(given: str) -> str:
    """Return a URL that a database can be looked for at."""
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise ValueError("This is no URL of a database.") from error
    if url.drivername not in {_SQLITE, _POSTGRESQL} or (url.drivername == _SQLITE and url.host):
        raise ValueError("This is no URL of SQLite or PostgreSQL.")
    if url.port is not None and url.port not in _PORTS:
        raise ValueError("There is no such port.")
    # The driver would say so only when it connects, and as if it were our mistake.
    if url.drivername == _POSTGRESQL and not url.query.keys() <= _options():
        raise ValueError("The driver has no such option.")
    return given


def _options() -> set[str]:
    return {*inspect.signature(asyncpg.connect).parameters, "prepared_statement_cache_size"}


# Each setting is described by what it must be, which is said to whoever set it to something else.
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
_PositiveOrNone = Annotated[float | None, Field(gt=0, allow_inf_nan=False, description="a number above 0")]


class Settings(BaseSettings):
    """What an operator can set. See docs/operating.md."""

    # A value may hold a password, and errors are printed and logged.
    model_config = SettingsConfigDict(env_prefix=PREFIX, hide_input_in_errors=True)

    database_url: Annotated[
        str,
        AfterValidator(_database),
        Field(
            description=f"like {_SQLITE}:///billgraph.db or {_POSTGRESQL}://user:password@host/database, with %40 for "
            "@ in a password, and with no options but those of asyncpg (ssl, not sslmode)"
        ),
    ] = f"{_SQLITE}:///billgraph.db"
    #: Connections of each process to PostgreSQL, one of which is for taking in events; and the seconds that a request
    #: waits for one, or for its turn to write SQLite, before it is answered 503.
    database_connections: Annotated[int, Field(ge=2, description="a whole number, 2 or more")] = 30
    database_wait_seconds: _Positive = 5.0
    profile: Annotated[Profile, Field(description=" or ".join(Profile))] = Profile.DEVELOPMENT
    #: Where people reach this server, like https://billing.example.com; links to it are paths where it is not said.
    public_url: Annotated[
        Annotated[str, BeforeValidator(_address)] | None,
        Field(description="an address like https://billing.example.com, without user, query or fragment"),
    ] = None
    #: Origins of the pages that browsers may ask GraphQL from, like https://app.example.com; none where it is not said.
    allowed_origins: Annotated[
        frozenset[str],
        NoDecode,
        BeforeValidator(_origins),
        Field(description="origins like https://app.example.com, with commas between, each by name and without a path"),
    ] = frozenset()
    #: Seconds between two looks for due work by the billing worker.
    worker_interval: _Positive = 1.0
    #: Whether a process that serves also counts events and bills; `billgraph worker` does where it does not.
    background_work: Annotated[bool, Field(description="true or false")] = True
    #: Seconds that events may wait to be counted before no more are taken in.
    max_backlog_seconds: _Positive = 60.0
    #: Events that a key may send in a second, to each process; as many as it likes where it is not said.
    events_per_second: _PositiveOrNone = None
    #: What a key may spend on GraphQL in a second, in all processes together; as much as it likes where it is not said.
    cost_per_second: _PositiveOrNone = None
    #: What a key can have in hand at most; a minute's worth where it is not said.
    cost_burst: _PositiveOrNone = None
    #: Largest GraphQL request body in bytes.
    max_graphql_body: Annotated[int, Field(ge=1, description="a whole number, 1 or more")] = 262_144
    #: Connections of each process. Beyond, those that keep it waiting give way; where none does, newcomers get 503.
    max_connections: Annotated[int, Field(ge=1, description="a whole number, 1 or more")] = 1000
    #: Seconds in which the head of a request must have come in, and in which all of it must.
    head_seconds: _Positive = 10.0
    request_seconds: _Positive = 60.0
    #: Seconds that a connection may rest between two requests.
    idle_seconds: _Positive = 75.0
    #: Seconds in which a client must have taken what is ready for it.
    answer_seconds: _Positive = 60.0
