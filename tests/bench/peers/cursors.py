"""Cursors: the key of a page's last entry, as base64."""

import base64
import binascii

from .problems import Problem


def encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def decode(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        errors = [{"parameter": "cursor", "detail": "Is damaged."}]
        raise Problem(422, "invalid-request", "See errors.", errors=errors) from error
