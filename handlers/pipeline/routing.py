"""connexion's router, made strict: no redirects, no decoded slashes, and every method of a path in `Allow`."""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from connexion.middleware.routing import RoutingMiddleware
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount, Route, Router
from starlette.types import Receive, Scope, Send


class StrictRouting(RoutingMiddleware):
    """Finds the operation of a request."""

    def add_api(self, specification: Specification, *args: Any, **kwargs: Any) -> None:
        """Add the contract's routes, without the redirect from `/events/` to `/events`."""
        super().add_api(specification, *args, **kwargs)
        for mount in self.router.routes:
            if isinstance(mount, Mount) and isinstance(mount.app, Router):
                mount.app.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route a request; name all methods in `Allow`, as connexion makes one route for each."""
        scope = keep_slashes(scope)
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                error.headers = {"Allow": ", ".join(sorted(self._methods(scope)))}
            path = scope["path"].rstrip("/")
            if (
                error.status_code == HTTPStatus.NOT_FOUND
                and path != scope["path"]
                and self._methods({**scope, "path": path})
            ):
                detail = "This path does not exist. Send the request without the slash at the end of the path."
                raise HTTPException(404, detail) from error
            raise

    def _methods(self, scope: Scope) -> set[str]:
        return {
            method
            for mount in self.router.routes
            if isinstance(mount, Mount)
            for route in mount.routes
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
            for method in route.methods or ()
        }


def keep_slashes(scope: Scope) -> Scope:
    """Keep `%2F` in a path, so that an id with a slash does not become two segments."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return scope
    kept = re.sub(rb"%2f", b"%252F", raw, flags=re.IGNORECASE)
    return {**scope, "path": unquote(kept.decode("latin-1"))}
