"""Which account a request speaks for: chosen by the access key id."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

DEFAULT = "123456789012"

_KEY = re.compile(r"^TERRACE(\d{12})$")


def access_key(environ: dict) -> str | None:
    """The access key id of a signed or presigned request."""
    signed = re.search(r"Credential=([^/,\s]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if signed:
        return signed.group(1)
    presigned = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential")
    return presigned[0].split("/")[0] if presigned else None


def select(environ: dict) -> None:
    """Make moto serve this request from the account that `TERRACE<12 digits>` names.

    This header of moto's comes before its own search by access key, which would build IAM anew for every partition
    there is before it found nothing.
    """
    key = access_key(environ) or ""
    chosen = _KEY.match(key)
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = chosen.group(1) if chosen else _owner(key)


def _owner(key: str) -> str:
    """The account that moto handed this key out in (AssumeRole, CreateAccessKey), or the default one."""
    from moto.iam.models import iam_backends

    for account, partitions in list(iam_backends.items()):
        if any(key in iam.access_keys for iam in list(partitions.values())):
            return account
    return DEFAULT


def scope(environ: dict) -> tuple[str | None, str | None]:
    """Service and region as the credential scope of the signature names them."""
    found = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    if not found:
        found = re.search(r"X-Amz-Credential=[^&]*%2F([^%]+)%2F([^%]+)%2Faws4_request", environ.get("QUERY_STRING", ""))
    return (found.group(2), found.group(1)) if found else (None, None)
