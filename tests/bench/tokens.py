"""The cost of tokens: CPU of a request with a remembered and with a new token, and the cold start and zip with them."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from tests.apparatus.issuer import Issuer, Key, bearer, issuing
from tests.bench.calls import REGULAR, Call, gateway_event
from tests.bench.cold_start import starts
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.options import Options
from tests.bench.packaged import packages
from tests.bench.results import Row, Table
from tests.bench.workers import Side, WorkerProcess, environment, interleaved, worker

#: The sides that have tokens; the peer verifies each token in each request, as its users do.
_SIDES: Final[tuple[Side, ...]] = ("ours", "fastapi_async")

_GET_USER: Final = Call("get user", "GET", f"/users/{REGULAR}", 200)

_WARM_UP: Final = 100
_REQUESTS: Final = 100


def measure(options: Options) -> list[Table]:
    """Measure CPU in microseconds, a cold start in milliseconds and megabytes, and the zips in megabytes."""
    title = "CPU per request on Lambda, with tokens"
    with fake_dynamodb() as url, issuing() as issuer:
        issuer.keys = [Key("RS256")]  # What most issuers sign with.
        trusted = {**environment(url), **issuer.variables, "JWT_JWKS_URI": f"{issuer.url}/keys"}
        requests = Table(title, _requests(options, environment(url), trusted, issuer))
        return [requests, _cold_start(options, trusted, issuer)]


def _requests(options: Options, opened: Mapping[str, str], trusted: Mapping[str, str], issuer: Issuer) -> list[Row]:
    count = options.few(_REQUESTS)
    with ExitStack() as stack:
        without = {side: stack.enter_context(worker(side, opened)) for side in _SIDES}
        requiring = {side: stack.enter_context(worker(side, trusted)) for side in _SIDES}
        same = issuer.token(REGULAR)

        def new() -> list[str]:
            return [issuer.token(REGULAR, jti=str(number)) for number in range(count)]

        def cpu(workers: Mapping[Side, WorkerProcess], side: Side, tokens: list[str]) -> float:
            return float(workers[side].do("cpu", _GET_USER, count=count, tokens=tokens))

        for side in _SIDES:
            without[side].do("cpu", _GET_USER, count=options.few(_WARM_UP), tokens=[])
            requiring[side].do("cpu", _GET_USER, count=options.few(_WARM_UP), tokens=[same])
        kinds = {
            "get user, no issuer": lambda side: cpu(without, side, []),
            "get user, the same token": lambda side: cpu(requiring, side, [same]),
            "get user, a new token each": lambda side: cpu(requiring, side, new()),
        }
        return [
            Row(name, "µs", interleaved(options.rounds, figure, _SIDES))
            for name, figure in kinds.items()
            if options.wants(name)
        ]


def _cold_start(options: Options, trusted: Mapping[str, str], issuer: Issuer) -> Table:
    """Measure from a fresh interpreter to the first response to a request with a token, its keys fetched."""
    event = gateway_event(_GET_USER)
    event["headers"] |= {"authorization": bearer(issuer.token(REGULAR))["Authorization"]}
    built = packages(tokens=True)
    rows = starts(options, built, trusted, event)
    zips = Row("zip", "MB", {side: [built[side].zipped_bytes / 1e6] for side in _SIDES})
    return Table("Cold start and package, with tokens", [*rows, zips])
