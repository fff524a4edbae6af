"""Settings from the environment: the only place that reads it. Each is BILLGRAPH_ and the field's name in capitals."""

from enum import StrEnum

from pydantic_settings import BaseSettings, SettingsConfigDict


class Profile(StrEnum):
    """How open the server is: development shows GraphiQL, introspection and GET queries, production does not."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """What an operator can set. See docs/operating.md."""

    model_config = SettingsConfigDict(env_prefix="BILLGRAPH_")

    database_url: str = "sqlite+aiosqlite:///billgraph.db"
    profile: Profile = Profile.DEVELOPMENT
    #: Seconds between two looks for due work by the billing worker.
    worker_interval: float = 1.0
    #: Largest GraphQL request body in bytes.
    max_graphql_body: int = 262_144
