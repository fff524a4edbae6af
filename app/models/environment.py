"""LIVE and SANDBOX."""

from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from app.db import EnumText


class EnvironmentKind(StrEnum):
    """LIVE is real money, SANDBOX is for trying things out; nothing crosses."""

    LIVE = "LIVE"
    SANDBOX = "SANDBOX"


class Environment(SQLModel, table=True):
    """LIVE or SANDBOX of one merchant; its id stands for both in every other row."""

    __table_args__ = (UniqueConstraint("merchant_id", "kind"),)

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    kind: EnvironmentKind = Field(sa_type=EnumText(EnvironmentKind))
