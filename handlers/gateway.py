"""mangum's handlers of API Gateway's events, which build the scope of a request once; mangum's own do it twice."""

from functools import cached_property

from mangum.handlers.api_gateway import APIGateway, HTTPGateway
from mangum.types import LambdaHandler, Scope


def handlers_below(stage: str) -> list[type[LambdaHandler]]:
    """Return the handlers for an API below `stage`, `/` or a segment, in the order in which mangum tries its own."""

    class HTTPAPI(HTTPGateway):
        @cached_property
        def scope(self) -> Scope:
            return _without_stage(super().scope, stage)

    class RESTAPI(APIGateway):
        @cached_property
        def scope(self) -> Scope:
            return _without_stage(super().scope, stage)

    return [HTTPAPI, RESTAPI]


def _without_stage(scope: Scope, stage: str) -> Scope:
    """Strip the stage, a whole segment, from a path that begins with it: AWS sends it, ministack does not.

    mangum would strip the stage `e` from `/events`.
    """
    path = scope["path"]
    if path == stage != "/":
        scope["root_path"] = stage  # Below it, the path is empty.
    elif path.startswith(f"{stage}/"):
        scope["path"] = path[len(stage) :]
    return scope
