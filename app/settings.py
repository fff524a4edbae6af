"""Settings from the environment: the only place that reads it. Each is BILLGRAPH_ and the field's name in capitals."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, HttpUrl, TypeAdapter
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


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


class Settings(BaseSettings):
    """What an operator can set. See docs/operating.md."""

    model_config = SettingsConfigDict(env_prefix="BILLGRAPH_")

    database_url: str = "sqlite+aiosqlite:///billgraph.db"
    #: Connections of each process to PostgreSQL, one of which is for taking in events; and the seconds that a request
    #: waits for one, or for its turn to write SQLite, before it is answered 503.
    database_connections: Annotated[int, Field(ge=2)] = 30
    database_wait_seconds: Annotated[float, Field(gt=0)] = 5.0
    profile: Profile = Profile.DEVELOPMENT
    #: Where people reach this server, like https://billing.example.com; links to it are paths where it is not said.
    public_url: Annotated[str, BeforeValidator(_address)] | None = None
    #: Origins of the pages that browsers may ask GraphQL from, like https://app.example.com; none where it is not said.
    allowed_origins: Annotated[frozenset[str], NoDecode, BeforeValidator(_origins)] = frozenset()
    #: Seconds between two looks for due work by the billing worker.
    worker_interval: float = 1.0
    #: Whether a process that serves also counts events and bills; `billgraph worker` does where it does not.
    background_work: bool = True
    #: Seconds that events may wait to be counted before no more are taken in.
    max_backlog_seconds: float = 60.0
    #: Events that a key may send in a second, to each process; as many as it likes where it is not said.
    events_per_second: Annotated[float, Field(gt=0)] | None = None
    #: What a key may spend on GraphQL in a second, in all processes together; as much as it likes where it is not said.
    cost_per_second: Annotated[float, Field(gt=0)] | None = None
    #: What a key can have in hand at most; a minute's worth where it is not said.
    cost_burst: Annotated[float, Field(gt=0)] | None = None
    #: Largest GraphQL request body in bytes.
    max_graphql_body: int = 262_144
    #: Connections of each process. Beyond, those that keep it waiting give way; where none does, newcomers get 503.
    max_connections: Annotated[int, Field(ge=1)] = 1000
    #: Seconds in which the head of a request must have come in, and in which all of it must.
    head_seconds: Annotated[float, Field(gt=0)] = 10.0
    request_seconds: Annotated[float, Field(gt=0)] = 60.0
    #: Seconds that a connection may rest between two requests.
    idle_seconds: Annotated[float, Field(gt=0)] = 75.0
    #: Seconds in which a client must have taken what is ready for it.
    answer_seconds: Annotated[float, Field(gt=0)] = 60.0
