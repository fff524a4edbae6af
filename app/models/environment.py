"""LIVE and SANDBOX."""

from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from app.db import EnumText
from app.ids import new_page_secret


class EnvironmentKind(StrEnum):
    """LIVE is real money, SANDBOX is for trying things out; nothing crosses."""

    LIVE = "LIVE"
    SANDBOX = "SANDBOX"

    @property
    def path_prefix(self) -> str:
        """What the paths of such an environment begin with."""
        return "/sandbox" if self is EnvironmentKind.SANDBOX else ""


class Environment(SQLModel, table=True):
    """LIVE or SANDBOX of one merchant; its id stands for both in every other row.

    `page_secret` signs the links to pages of its invoices: it stays between the database and the signature.
    """

    __table_args__ = (UniqueConstraint("merchant_id", "kind"),)

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchant.id")
    kind: EnvironmentKind = Field(sa_type=EnumText(EnvironmentKind))
    page_secret: str = Field(default_factory=new_page_secret, repr=False)
