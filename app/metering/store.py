"""Which of the two stores a session writes to."""

from types import ModuleType

from sqlalchemy.ext.asyncio import AsyncSession

from app.metering import store_postgres, store_sqlite


def store_of(session: AsyncSession) -> ModuleType:
    """Return `store_sqlite` or `store_postgres`, which have the same functions."""
    return store_sqlite if session.get_bind().dialect.name == "sqlite" else store_postgres
