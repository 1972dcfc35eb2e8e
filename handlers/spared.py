"""connexion, loaded without the libraries that it imports for what this service does not do.

It reads contracts from URLs with `requests`, verifies tokens with `httpx`, and offers starlette's test client, which
needs `httpx` too. To import them takes a fifth of a cold start, and the package for Lambda does not contain them.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

SPARED: Final = ("requests", "httpx", "starlette.testclient")


class _Placeholder(ModuleType):
    """Stands for a module; what connexion takes from it are functions that import the module when they are called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments: Any, **options: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*arguments, **options)

        return call


_placeholders: Final = {name: _Placeholder(name) for name in SPARED if name not in sys.modules}
sys.modules.update(_placeholders)
try:
    import connexion  # noqa: F401 - its modules keep the placeholders
finally:
    for _name in _placeholders:
        del sys.modules[_name]
