"""The application, and `handler` for Lambda."""

import os

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from mangum import Mangum

from . import events, registrations, users
from .dependencies import Events
from .models import ApiInfo, Health
from .problems import add_problem_handlers

app = FastAPI(title="Events API")
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
add_problem_handlers(app)
app.include_router(events.router)
app.include_router(registrations.router)
app.include_router(users.router)


@app.get("/", tags=["system"])
async def get_api_info() -> ApiInfo:
    links = {"docs": "docs", "openapi": "openapi.json", "health": "health"}
    return ApiInfo(name=app.title, version=app.version, links=links)


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
