"""What S3 refuses of a policy and a versioning configuration, and where a bucket is spoken to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from moto.s3.models import s3_backends
from moto.s3.responses import S3Response

from . import accounts
from .corrections import correction
from .s3 import _BOTH, _bucket, _listed, _refuse


def _found(name: str | None) -> Any:
    partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
    return s3_backends[owner][partition].get_bucket(name) if owner else None


@correction(
    "s3.policy-principal",
    fact="a policy names only roles and users that exist, and only its own bucket and what is in it: MalformedPolicy",
    source="aws-semantics 3.24 d; S3 user guide, bucket policies",
    patch=(S3Response, "bucket_response"),
)
def principals(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    name = _bucket(request, full_url)
    if request.method == "PUT" and "policy" in request.args and _found(name) is not None:
        try:
            statements = _listed(json.loads(request.data)["Statement"])
        except (ValueError, KeyError, TypeError):
            statements = []
        if not all(_exists(arn) for arn in _named(statements)):
            return _refuse("MalformedPolicy", "Invalid principal in policy", 400)
        own = re.compile(rf"arn:[^:]*:s3:::{re.escape(name or '')}(/.*)?")
        resources = [r for s in statements for r in _listed(s.get("Resource", []))]
        if not all(r == "*" or own.fullmatch(str(r)) for r in resources):
            return _refuse("MalformedPolicy", "Policy has invalid resource", 400)
    return inner(self, request, full_url, headers)


def _named(statements: list[dict[str, Any]]) -> Iterator[str]:
    """The principals of this cloud that are written as ARNs."""
    for statement in statements:
        principal = statement.get("Principal")
        if isinstance(principal, dict):
            yield from (p for p in _listed(principal.get("AWS", [])) if str(p).startswith("arn:"))


def _exists(arn: str) -> bool:
    from moto.iam.models import iam_backends

    found = re.fullmatch(r"arn:([^:]+):iam::(\d{12}):(root|role/.+|user/.+)", arn)
    if found is None or found[3] == "root":
        return True
    known = iam_backends[found[2]][found[1]]
    return any(one.arn == arn for one in [*known.roles.values(), *known.users.values()])


@correction(
    "s3.lock-keeps-versioning",
    fact="the versioning of a bucket with Object Lock cannot be suspended: InvalidBucketState",
    source="S3 user guide, Object Lock considerations",
    patch=(S3Response, "bucket_response"),
)
def versioning(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    if request.method == "PUT" and "versioning" in request.args and b"Suspended" in request.data:
        bucket = _found(_bucket(request, full_url))
        if bucket is not None and bucket.object_lock_enabled:
            return _refuse(
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                409,
            )
    return inner(self, request, full_url, headers)


@correction(
    "s3.own-region",
    fact="a bucket is spoken to in its own region: elsewhere the answer is PermanentRedirect (HTTP 301), which says "
    "where that is",
    source="S3 API reference, error responses; S3 user guide, request routing",
    patch=_BOTH,
)
def own_region(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    bucket = _found(_bucket(request, full_url))
    _, asked = accounts.scope(request.environ)
    creating = request.method == "PUT" and inner.__name__ == "bucket_response" and not request.query_string
    if bucket is None or creating or "location" in request.args or asked in (None, bucket.region_name):
        return inner(self, request, full_url, headers)
    status, told, body = _refuse(
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all "
        "future requests to this endpoint.",
        301,
    )
    return status, {**told, "x-amz-bucket-region": bucket.region_name}, body
