"""FastAPI with operations as `def`: each runs on a thread, as a server needs it when operations block."""

from .fastapi_app import create_app, lambda_handler

app = create_app(lambda operation: operation)
handler = lambda_handler(app)
