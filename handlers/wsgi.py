"""The entry point for WSGI servers: `gunicorn handlers.wsgi:app`.

Importing this module does nothing; the application is built on first access to `app`. A server that reads the module's
dictionary instead, such as uWSGI or mod_wsgi, needs a file with `from handlers.wsgi import app as application`.
"""

import os

from a2wsgi import ASGIMiddleware

from handlers.app import app_from
from handlers.pipeline import logs

#: The application as a WSGI callable.
app: ASGIMiddleware


def __getattr__(name: str) -> ASGIMiddleware:
    """Build `app` from the environment on first access (PEP 562), and keep it."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        built = globals()[name] = _build()
    except AttributeError as error:
        # The import system would take it for a missing `app`, and hide the cause.
        raise RuntimeError(f"{__name__}.{name} can't be built") from error
    return built


def _build() -> ASGIMiddleware:
    logs.configure()
    return ASGIMiddleware(app_from(os.environ))
