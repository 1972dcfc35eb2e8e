"""A stack with an issuer: what is built and printed, and, deployed, who may do what while the issuer is down."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package, Recipe, build_package
from cfn.package.lock import LOCK, TOKENS_LOCK
from cfn.package.platforms import LAMBDA, get_platform
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy
from cfn.stack.rollback import roll_back
from cfn.stack.settings import StackSettings
from tests.apparatus.client import EVENT
from tests.apparatus.issuer import AUDIENCE, ORGANIZER, Issuer, bearer, issuing

Printed = Callable[[], str]

TRUSTED = {"JwtIssuer": "https://login.example.com/", "JwtAudience": AUDIENCE}


class Either:
    """Code that has a package without and one with what verifies tokens, and notes which of them is built."""

    def __init__(self, service: Callable[..., Package]) -> None:
        self._packages = {False: service("open"), True: replace(service("tokens"), tokens=True)}
        self.platform = self._packages[False].platform
        self.needed = False
        self.built: list[bool] = []

    @property
    def sources(self) -> str:
        return self._packages[self.needed].sources

    def build(self) -> Package:
        self.built.append(self.needed)
        return self._packages[self.needed]

    def for_tokens(self, *, needed: bool) -> "Either":
        self.needed = needed
        return self


def test_the_package_has_what_verifies_tokens_only_if_the_stack_has_an_issuer(
    aws: Aws, stack: StackSettings, service: Callable[..., Package], console: Console, printed: Printed
) -> None:
    """An issuer that is not given again keeps its value, and is taken away by an empty one."""
    code = Either(service)

    url = deploy(aws, stack, code, console)
    assert f"WARNING: anyone who reaches {url} can change everything" in printed()
    deploy(aws, replace(stack, parameters=TRUSTED), code, console)
    assert printed().endswith("Changes, and reading who is registered, need a token of https://login.example.com/.\n")
    deploy(aws, replace(stack, parameters={"MemorySize": "1024"}), code, console)
    assert printed().count("WARNING") == 1
    deploy(aws, replace(stack, parameters=dict.fromkeys(TRUSTED, "")), code, console)
    assert printed().count("WARNING") == 2

    assert code.built == [False, True, False]


def test_there_is_no_way_back_to_a_version_without_tokens(
    aws: Aws, stack: StackSettings, service: Callable[..., Package], console: Console
) -> None:
    """A version keeps the environment that it was published with."""
    code = Either(service)
    deploy(aws, stack, code, console)
    deploy(aws, replace(stack, parameters=TRUSTED), code, console)

    with pytest.raises(CommandError, match="from before the stack required tokens: with it, anyone could change"):
        roll_back(aws, stack.name, console)

    deploy(aws, replace(stack, parameters={"MemorySize": "1024"}), code, console)
    roll_back(aws, stack.name, console)


def test_a_package_that_can_not_verify_tokens_is_refused(
    aws: Aws, stack: StackSettings, service: Callable[..., Package], console: Console
) -> None:
    with pytest.raises(CommandError, match=r"can't verify tokens: build it with --tokens"):
        deploy(aws, replace(stack, parameters=TRUSTED), service(), console)


def test_a_recipe_with_tokens_is_another_package() -> None:
    recipe = Recipe(LAMBDA, Path("build"))
    assert recipe.for_tokens(needed=False).sources == recipe.sources
    assert recipe.for_tokens(needed=True).sources != recipe.sources


def test_no_package_is_in_both_locks() -> None:
    runtime, tokens = (
        {line.split("==")[0] for line in lock.read_text().splitlines() if "==" in line} for lock in (LOCK, TOKENS_LOCK)
    )
    assert {"pyjwt", "cryptography"} <= tokens
    assert not runtime & tokens


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def tokens_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build_package(get_platform("host"), tmp_path_factory.mktemp("tokens"), tokens=True)


def status(url: str, method: str, path: str, token: str | None = None, body: Any = None) -> tuple[int, str]:
    """Send a request, and return the status and the detail of a problem."""
    headers = {"Content-Type": "application/json", **(bearer(token) if token else {})}
    content = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url + path, content, headers, method=method)) as answer:  # noqa: S310 - the URL is the emulator's
            return answer.status, ""
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["detail"]


@pytest.mark.deployed
def test_a_deployed_service_verifies_tokens_while_the_issuer_changes_its_keys_is_down_or_hangs(
    aws: Aws, stack: StackSettings, tokens_package: Package, issuer: Issuer, console: Console
) -> None:
    trusted = {"JwtIssuer": issuer.url, "JwtAudience": AUDIENCE}
    url = deploy(aws, replace(stack, parameters=trusted), tokens_package, console)
    ann, bob = issuer.token("ann"), issuer.token("bob")
    olga, otto = issuer.token("olga", ORGANIZER), issuer.token("otto", ORGANIZER)

    # The issuer hangs before the first token: the request is answered in time, and the next one at once.
    issuer.answering.clear()
    for _ in range(2):
        code, detail = status(url, "GET", "/users/ann", ann)
        assert code == 503
        assert detail.startswith("The keys that verify tokens can't be fetched from their issuer.")
    assert issuer.fetched <= 1, "the discovery document came first"
    assert status(url, "GET", "/events") == (200, "")
    issuer.answering.set()

    # A deployment starts with no memory of it.
    url = deploy(aws, replace(stack, parameters={**trusted, "MemorySize": "1024"}), tokens_package, console)
    assert status(url, "POST", "/events", None, EVENT)[0] == 401
    assert status(url, "POST", "/events", ann, EVENT)[0] == 403
    assert status(url, "POST", "/events", olga, EVENT) == (201, "")
    assert status(url, "POST", "/users", ann, {"name": "Ann"}) == (201, "")
    assert status(url, "POST", "/events/conf/registrations", ann, {}) == (201, "")
    assert status(url, "GET", "/events/conf/registrations/ann", bob)[0] == 403
    assert status(url, "GET", "/events/conf/registrations", olga) == (200, "")
    assert status(url, "GET", "/events/conf/registrations", otto)[0] == 403
    assert status(url, "PUT", "/events/conf", otto, {"capacity": 9})[0] == 403
    assert status(url, "GET", "/health") == (200, "")

    # The emulator may ask another process of the function at any time. After another start, none knows the former key.
    issuer.rotate()
    url = deploy(aws, replace(stack, parameters={**trusted, "MemorySize": "768"}), tokens_package, console)
    assert status(url, "GET", "/users/ann", issuer.token("ann")) == (200, "")
    assert status(url, "GET", "/users/ann", ann)[0] == 401

    # Another start while the issuer is down: what is public is served.
    issuer.status = HTTPStatus.BAD_GATEWAY
    url = deploy(aws, replace(stack, parameters={**trusted, "MemorySize": "896"}), tokens_package, console)
    assert status(url, "GET", "/users/ann", issuer.token("ann"))[0] == 503
    assert status(url, "GET", "/events/conf") == (200, "")
    issuer.status = HTTPStatus.OK


@pytest.mark.deployed
def test_the_example_with_cognito_opens_the_service_to_its_users(
    aws: Aws, stack: StackSettings, tokens_package: Package, console: Console
) -> None:
    """It makes the calls of the README. The emulator's pool signs real tokens, and has its keys at its own URL."""
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="events")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="events",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]
    cognito.create_group(UserPoolId=pool, GroupName=ORGANIZER)
    for name in ("olga", "ann"):
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password="Secret-12345", Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="olga", GroupName=ORGANIZER)
    trusted = {
        "JwtIssuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}",
        "JwtAudience": client,
        "JwtJwksUri": f"{aws.emulator_url}/{pool}/.well-known/jwks.json",
    }
    url = deploy(aws, replace(stack, parameters=trusted), tokens_package, console)

    def tokens(name: str) -> dict[str, str]:
        found: dict[str, str] = cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=client,
            AuthParameters={"USERNAME": name, "PASSWORD": "Secret-12345"},
        )["AuthenticationResult"]
        return found

    olga, ann = tokens("olga"), tokens("ann")
    assert status(url, "POST", "/events", olga["AccessToken"], EVENT) == (201, "")
    assert status(url, "POST", "/events", ann["AccessToken"], EVENT)[0] == 403
    assert status(url, "POST", "/users", ann["AccessToken"], {"name": "Ann"}) == (201, "")
    assert status(url, "POST", "/events/conf/registrations", ann["AccessToken"], {}) == (201, "")
    assert status(url, "GET", "/events/conf/registrations", olga["AccessToken"]) == (200, "")
    assert status(url, "GET", "/events/conf/registrations", ann["AccessToken"])[0] == 403
    assert status(url, "POST", "/events", olga["IdToken"], EVENT) == (401, "This is not an access token.")
