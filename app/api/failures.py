"""Telling a database that is away, full or busy from a bug of ours: the one is worth trying again, the other is not."""

import asyncpg
from sqlalchemy import exc

# These say that the statement was wrong, and it would be wrong again.
_OURS = (exc.DataError, exc.IntegrityError, exc.NotSupportedError, exc.ProgrammingError)
# Before a connection stands, the driver's errors and the system's come as they are.
_AWAY = (exc.DBAPIError, exc.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


def database_failed(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: no connection, no disk, no lock, read-only, shutting down."""
    return isinstance(error, _AWAY) and not isinstance(error, _OURS)
