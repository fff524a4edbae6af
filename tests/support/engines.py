"""Engines of tests: those of one driver share what SQLAlchemy made of statements, as each test has engines of its own.

Otherwise a third of a test is spent on compiling the same statements again.
"""

from collections.abc import Callable
from typing import Any

import app.db
import app.sqlite

_CREATING = (
    (app.db, "create_async_engine"),
    (app.sqlite, "create_async_engine"),
    (app.sqlite, "create_engine"),
)
_shared: dict[str, tuple[Any, Any]] = {}


def share_statements() -> None:
    """Let all engines that the product opens in this process, by a driver, have one dialect and one cache."""
    for module, name in _CREATING:
        setattr(module, name, _sharing(getattr(module, name)))


def _sharing(create: Callable[..., Any]) -> Callable[..., Any]:
    def created(*arguments: Any, **options: Any) -> Any:
        engine = create(*arguments, **options)
        plain = getattr(engine, "sync_engine", engine)
        first = _shared.get(plain.dialect.driver)
        # A dialect learns with the first connection of its own engine whom it speaks to.
        if first is None or first[0].server_version_info is None:
            _shared[plain.dialect.driver] = plain.dialect, plain._compiled_cache
        else:
            plain.dialect, plain._compiled_cache = first
            plain.pool._dialect = plain.dialect
        return engine

    return created
