"""A module attribute that is built on first access, so that importing the module does nothing (PEP 562)."""

from collections.abc import Callable
from typing import Any, TypeVar

Built = TypeVar("Built")


def lazy_attribute(module: dict[str, Any], name: str, build: Callable[[], Built]) -> Callable[[str], Built]:
    """Return the `__getattr__` of a module, given as its `globals()`, that builds the attribute `name` and keeps it."""

    def get(wanted: str) -> Built:
        if wanted != name:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {wanted!r}")
        try:
            built = module[name] = build()
        except AttributeError as error:
            # The import system would take it for a missing attribute: a server would hide the cause, or start without.
            raise RuntimeError(f"{module['__name__']}.{name} can't be built") from error
        return built

    return get
