"""Tokens as users of FastAPI verify them: a dependency, with PyJWT and its client for the keys of an issuer."""

import os
from typing import Annotated, Any

import jwt
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

_keys = jwt.PyJWKClient(os.environ["JWT_JWKS_URI"], cache_keys=True, lifespan=300)


# With `def` it would run on a thread.
async def claims(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Any:
    try:
        return jwt.decode(
            credentials.credentials,
            _keys.get_signing_key_from_jwt(credentials.credentials),
            algorithms=["RS256", "PS256", "ES256", "EdDSA"],
            audience=os.environ["JWT_AUDIENCE"],
            issuer=os.environ["JWT_ISSUER"],
            leeway=30,
            options={"require": ["exp", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from error
