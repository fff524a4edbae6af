"""Text compared by its bytes: the same on both databases, whatever the language of the server."""

from typing import Any

from sqlalchemy import ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import AutoString


class _Bytewise(FunctionElement[str]):
    type = String()
    inherit_cache = True


@compiles(_Bytewise)
def _as_it_is(element: _Bytewise, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Bytewise, "postgresql")
def _collated(element: _Bytewise, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)} COLLATE "C")'


def bytewise(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as it is to be compared: text by its bytes, as SQLite does anyway; all else as it is."""
    return _Bytewise(column) if isinstance(column.type, AutoString) else column
