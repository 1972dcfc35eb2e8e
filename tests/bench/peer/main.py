"""The application, and `handler` for Lambda."""

import os

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from mangum import Mangum

from . import events, users
from .dependencies import Events
from .models import Health
from .problems import add_problem_handlers

app = FastAPI(title="Events API")
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
add_problem_handlers(app)
app.include_router(events.router)
app.include_router(users.router)


@app.get("/health", tags=["system"])
def health(repository: Events) -> Health:
    repository.ping()
    return Health()


handler = Mangum(
    app,
    lifespan="off",
    api_gateway_base_path=f"/{os.environ.get('STAGE', '')}",
    text_mime_types=["application/json", "application/problem+json", "text/"],
)
