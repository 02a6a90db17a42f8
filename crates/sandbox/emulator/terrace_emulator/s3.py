"""S3: whose bucket it is, and what a new one has.

moto's S3 does not go by named actions as its other services do, so these stand around the two methods that every
request passes. Conditional writes need nothing here: the server answers one request at a time.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import PublicAccessBlock, S3Backend, s3_backends
from moto.s3.responses import S3Response, bucket_name_from_url, bucketpath_bucket_name_from_url

from . import accounts, errors
from .corrections import also, correction

correction(
    "s3.conditional-writes",
    fact="a conditional write is atomic: of many PutObject with If-None-Match: * one wins",
    source="aws-semantics 5.4",
)


def _refuse(code: str, message: str, status: int) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = errors.encode("s3", "", code, message, status)
    return status, dict(headers), body


def _account(request: Any) -> str:
    from moto.iam.models import get_account_id_from

    chosen = request.headers.get("x-moto-account-id")
    return chosen or get_account_id_from(accounts.access_key(request.environ) or "")


def _bucket(request: Any, url: str) -> str | None:
    by_host = S3Response.subdomain_based_buckets(request)
    return bucket_name_from_url(url) if by_host else bucketpath_bucket_name_from_url(url)


_BOTH = [(S3Response, "bucket_response"), (S3Response, "key_response")]


@correction(
    "s3.foreign-bucket",
    fact="a bucket belongs to one account: every other gets AccessDenied (HTTP 403) unless a policy lets it in, and "
    "ExpectedBucketOwner makes the same check for oneself",
    source="aws-semantics 3.24; moto 6",
    patch=_BOTH,
)
def foreign(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    name = _bucket(request, full_url)
    _, owner = s3_backends.bucket_accounts.get(name, (None, None))
    caller = _account(request)
    expected = request.headers.get("x-amz-expected-bucket-owner")
    # CreateBucket has an answer of its own for a name that is taken.
    creating = request.method == "PUT" and inner.__name__ == "bucket_response" and not request.query_string
    if owner and not creating:
        open_to_others = owner != caller and s3_backends[owner]["aws"].get_bucket(name).policy
        if (expected and expected != owner) or (owner != caller and not open_to_others):
            return _refuse("AccessDenied", "Access Denied", 403)
    return inner(self, request, full_url, headers)


@correction(
    "s3.bucket-tags-at-creation",
    fact="CreateBucket keeps the tags of its configuration",
    source="aws-semantics 3.24",
    patch=(S3Response, "bucket_response"),
)
def tags_at_creation(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    name = _bucket(request, full_url)
    fresh = name and request.method == "PUT" and not request.query_string and name not in s3_backends.bucket_accounts
    body = request.data if fresh else b""
    answer = inner(self, request, full_url, headers)
    if fresh and name in s3_backends.bucket_accounts and b"<Tag" in body:
        tags = {}
        for element in ElementTree.fromstring(body).iter():
            if element.tag.rpartition("}")[2] == "Tag":
                fields = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
                tags[fields["Key"]] = fields.get("Value", "")
        self.backend.put_bucket_tagging(name, tags)
    return answer


@correction(
    "s3.bucket-defaults",
    fact="a new bucket is encrypted with AES256, blocks public access in all four ways and belongs to its owner alone "
    "(BucketOwnerEnforced)",
    source="aws-semantics 3.24",
    patch=(S3Backend, "create_bucket"),
)
def bucket_defaults(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    bucket = inner(self, *args, **kwargs)
    bucket.encryption = _aes256()
    bucket.public_access_block = PublicAccessBlock(*(["true"] * 4))
    bucket.ownership_rule = "BucketOwnerEnforced"
    return bucket


@also("s3.bucket-defaults", patch=(S3Backend, "delete_bucket_encryption"))
def delete_encryption(inner: Any, self: Any, bucket_name: str) -> None:
    # There is no unencrypted bucket any more: taking the choice back leaves the default.
    self.get_bucket(bucket_name).encryption = _aes256()


def _aes256() -> dict[str, Any]:
    return {
        "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"},
    }


@correction(
    "s3.public-policy-blocked",
    fact="a policy must be JSON, and a public one is AccessDenied while BlockPublicPolicy is on",
    source="aws-semantics 3.24; moto 6",
    patch=(S3Response, "bucket_response"),
)
def public_policy(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    if request.method == "PUT" and request.args.get("policy") is not None:
        name = _bucket(request, full_url)
        partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
        try:
            policy = json.loads(request.data)
            statements = policy["Statement"]
        except (ValueError, KeyError, TypeError):
            return _refuse("MalformedPolicy", "This policy contains invalid Json", 400)
        block = s3_backends[owner][partition].get_bucket(name).public_access_block if owner else None
        blocked = block is not None and str(block.block_public_policy).lower() == "true"
        if blocked and any(_public(s) for s in (statements if isinstance(statements, list) else [statements])):
            return _refuse(
                "AccessDenied",
                "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the "
                "BlockPublicPolicy setting in S3 Block Public Access.",
                403,
            )
    return inner(self, request, full_url, headers)


def _public(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    anyone = principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS")))
    return statement.get("Effect") == "Allow" and anyone and not statement.get("Condition")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@correction(
    "s3.list-buckets-paging",
    fact="ListBuckets with MaxBuckets answers a ContinuationToken while there are more",
    source="aws-semantics 2; moto 6",
    patch=(S3Response, "all_buckets"),
)
def list_buckets(inner: Any, self: Any) -> Any:
    size, token = self._get_param("max-buckets"), self._get_param("continuation-token")
    if not size and not token:
        return inner(self)
    self.data["Action"] = "ListBuckets"
    found = self.backend.list_buckets(
        prefix=self._get_param("prefix"), bucket_region=self._get_param("bucket-region"), max_buckets=None
    )
    found = sorted((b for b in found if not token or b.name > token), key=lambda b: b.name)
    page = found[: int(size or 10000)]
    rows = [{"Name": b.name, "CreationDate": b.creation_date_ISO8601} for b in page]
    owner = {"ID": "bcaf1ffd86f41161ca5fb16fd081034f", "DisplayName": "webfile"}
    more = page[-1].name if len(page) < len(found) else None
    return self.serialized(ActionResult({"Owner": owner, "Buckets": rows, "ContinuationToken": more}))


@correction(
    "s3.bucket-tags-deleted",
    fact="the tags of a bucket go with it",
    source="aws-semantics 3.24, R1",
    patch=(S3Backend, "delete_bucket"),
)
def delete_bucket(inner: Any, self: Any, bucket_name: str) -> Any:
    gone = inner(self, bucket_name)
    if gone:
        self.tagger.delete_all_tags_for_resource(gone.arn)
    return gone
