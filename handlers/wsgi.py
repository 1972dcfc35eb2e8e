"""The entry point for WSGI servers: `gunicorn handlers.wsgi:app`."""

import os

from a2wsgi import ASGIMiddleware

from handlers import logs
from handlers.app import app_from

logs.configure()
app = ASGIMiddleware(app_from(os.environ))
