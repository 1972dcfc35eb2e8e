"""FastAPI with operations as `async def`: they block, which is harmless on Lambda, where requests come one by one."""

from .fastapi_app import as_coroutine, create_app, lambda_handler

app = create_app(as_coroutine)
handler = lambda_handler(app)
