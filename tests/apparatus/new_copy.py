"""Modules that keep state, loaded anew as in a process of its own."""

from importlib.util import find_spec, module_from_spec
from types import ModuleType


def new_copy(name: str) -> ModuleType:
    """Return a new copy of a module, which is not the one that others import."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
