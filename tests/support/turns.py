"""How many threads are in a function at once."""

import threading
import time
from typing import Any

import pytest


def count_turns(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[int]:
    """Let a function take a moment longer; return the list of how many were in it, which each call adds to."""
    computed, lock, running, seen = getattr(module, name), threading.Lock(), [0], []

    def watched(*given: Any) -> Any:
        with lock:
            running[0] += 1
            seen.append(running[0])
        time.sleep(0.01)
        try:
            return computed(*given)
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr(module, name, watched)
    return seen
