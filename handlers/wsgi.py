"""The entry point for WSGI servers: `gunicorn handlers.wsgi:app`."""

import os

from a2wsgi import ASGIMiddleware

from handlers import logs
from handlers.app import create_app
from handlers.settings import Settings
from storage.tables import Tables

logs.configure()
_settings = Settings.of(os.environ)
app = ASGIMiddleware(
    create_app(
        Tables.connect(os.environ),
        cors_origins=_settings.cors_origins,
        check_responses=_settings.check_responses,
    )
)
