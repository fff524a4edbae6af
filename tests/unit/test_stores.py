"""The two stores are one interface."""

import inspect
from types import ModuleType

from app.metering import store_postgres, store_sqlite


def functions(store: ModuleType) -> dict[str, list[str]]:
    return {
        name: [parameter.lstrip("_") for parameter in inspect.signature(function).parameters]
        for name, function in inspect.getmembers(store, inspect.isfunction)
        if function.__module__ == store.__name__ and not name.startswith("_")
    }


def test_both_have_the_same_functions_with_the_same_parameters() -> None:
    assert functions(store_sqlite) == functions(store_postgres)
    assert len(functions(store_sqlite)) > 5
