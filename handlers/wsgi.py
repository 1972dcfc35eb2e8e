"""The entry point for WSGI servers: `gunicorn handlers.wsgi:app`.

Importing this module does nothing; the application is built on first access to `app`. A server that reads the module's
dictionary instead, such as uWSGI or mod_wsgi, needs a file with `from handlers.wsgi import app as application`.
"""

import os

from a2wsgi import ASGIMiddleware

from handlers.app import app_from
from handlers.lazy import lazy_attribute
from handlers.pipeline import logs
from handlers.promotions import Promotions
from storage.dynamodb.tables import Tables

app: ASGIMiddleware
"""The application as a WSGI callable."""


def _build() -> ASGIMiddleware:
    logs.configure()
    tables = Tables.connect(os.environ)
    Promotions(tables)
    return ASGIMiddleware(app_from(os.environ, tables=tables))


__getattr__ = lazy_attribute(globals(), "app", _build)
