"""The entry point for WSGI servers: `gunicorn handlers.wsgi:app`."""

import os

from a2wsgi import ASGIMiddleware

from handlers.app import app_from
from handlers.pipeline import logs

logs.configure()
app = ASGIMiddleware(app_from(os.environ))
