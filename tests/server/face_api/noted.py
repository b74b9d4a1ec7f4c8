"""Records which operations of a client were called, so that tests can check that all were."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any


class Noted:
    """Proxy of a client or an operation group that records each call by name."""

    def __init__(self, client: Any, name: str, called: set[str]) -> None:
        self._client, self._name, self._called = client, name, called

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._client, attribute)
        if callable(found):
            self._called.add(f"{self._name}.{attribute}")
        return found


def operations(client: Any, name: str, but: tuple[str, ...] = ()) -> set[str]:
    """Every public operation of a client, a class, or a module of functions."""
    if isinstance(client, ModuleType):
        found = [
            key for key, one in inspect.getmembers(client, inspect.isfunction) if one.__module__ == client.__name__
        ]
    else:
        of = client if inspect.isclass(client) else type(client)
        found = [key for key, _ in inspect.getmembers(of, inspect.isfunction)]
    return {f"{name}.{key}" for key in found if not key.startswith("_") and key not in but}
