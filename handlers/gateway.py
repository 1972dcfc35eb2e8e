"""mangum's handlers of API Gateway's events, which build the scope of a request once; mangum's own do it twice."""

from functools import cached_property
from typing import Final

from mangum.handlers.api_gateway import APIGateway, HTTPGateway
from mangum.types import LambdaHandler, Scope


class _HTTPAPI(HTTPGateway):
    @cached_property
    def scope(self) -> Scope:
        return super().scope


class _RESTAPI(APIGateway):
    @cached_property
    def scope(self) -> Scope:
        return super().scope


#: In the order in which mangum tries its own.
HANDLERS: Final[list[type[LambdaHandler]]] = [_HTTPAPI, _RESTAPI]
