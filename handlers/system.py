"""Operations of the service itself: description, health and contract."""

from functools import cache

from handlers.contract import Contract
from handlers.documents import Document
from handlers.models import answers
from storage.dynamodb.tables import Tables


def get_api_info(*, contract: Contract) -> answers.ApiInfo:
    info = contract.document["info"]
    links: answers.Links = {"docs": "docs", "openapi": "openapi.json", "health": "health"}
    return {"name": info["title"], "version": info["version"], "links": links}


def check_health(*, tables: Tables) -> answers.Health:
    tables.ping()
    return {"status": "healthy"}


def get_openapi_json(*, contract: Contract) -> Document:
    return _json(contract)


@cache
def _json(contract: Contract) -> Document:
    return Document(lambda: contract.json, "application/json")
