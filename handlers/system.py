"""Operations of the service itself: description, health, documentation and contract."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from handlers.bodies import Body
from handlers.contract import Contract
from storage.dynamodb.tables import Tables

_MEDIA_TYPES: Final = {
    "favicon-32x32.png": "image/png",
    "index.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}

_SCRIPT: Final = """
    SwaggerUIBundle({
      url: "openapi.json",
      dom_id: "#swagger-ui",
      deepLinking: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
    });
  """

# All URLs are relative: the page works below any stage path.
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Events API</title>
  <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
  <link rel="stylesheet" href="docs/swagger-ui.css">
  <link rel="stylesheet" href="docs/index.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/swagger-ui-bundle.js"></script>
  <script>{_SCRIPT}</script>
</body>
</html>
"""

#: The page loads files and calls the API of this server only, and runs only its own inline script and these files.
_PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' 'sha256-{b64encode(sha256(_SCRIPT.encode()).digest()).decode()}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

#: Cacheable, but must be revalidated: the next deployment may change it.
_REVALIDATE: Final = {"Cache-Control": "no-cache"}


def get_api_info(*, contract: Contract) -> Body:
    info = contract.document["info"]
    links = {"docs": "docs", "openapi": "openapi.json", "health": "health"}
    return {"name": info["title"], "version": info["version"], "links": links}


def check_health(*, tables: Tables) -> Body:
    tables.ping()
    return {"status": "healthy"}


def show_docs() -> Response:
    return Response(_PAGE, headers={**_REVALIDATE, "Content-Security-Policy": _PAGE_POLICY}, media_type="text/html")


def get_docs_asset(asset: str) -> Response:
    if asset not in _MEDIA_TYPES:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_asset(asset), headers=headers, media_type=_MEDIA_TYPES[asset])


def get_openapi_json(*, contract: Contract) -> Response:
    return Response(contract.json, headers=_REVALIDATE, media_type="application/json")


def get_openapi_yaml(*, contract: Contract) -> Response:
    return Response(contract.yaml, headers=_REVALIDATE, media_type="application/yaml")


@cache
def _asset(name: str) -> bytes:
    """Return a file of Swagger UI from the package `flask_swagger_ui`, without importing it."""
    package = find_spec("flask_swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("flask_swagger_ui")
    return (Path(package.submodule_search_locations[0]) / "dist" / name).read_bytes()
