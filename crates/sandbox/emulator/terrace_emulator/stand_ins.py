"""Stand-ins: what a stack looks up and a fresh world does not hold, such as a public zone or a topic.

A real account has these things; the sandbox makes them on request, once, in the account and region of the stack.
Each maker is a plain AWS client's call on this very server.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from .inside import client

Like = dict[str, str]


def _hosted_zone(app: Any, account: str, region: str, like: Like) -> None:
    aws = client(app, "route53", account, region)
    name = like["name"].rstrip(".") + "."
    private = like.get("private", "false") == "true"
    for page in aws.get_paginator("list_hosted_zones").paginate():
        for zone in page["HostedZones"]:
            if zone["Name"] == name and zone["Config"].get("PrivateZone", False) == private:
                return
    aws.create_hosted_zone(Name=name, CallerReference=uuid.uuid4().hex)


def _sns_topic(app: Any, account: str, region: str, like: Like) -> None:
    client(app, "sns", account, region).create_topic(Name=like["name"])


def _kms_key(app: Any, account: str, region: str, like: Like) -> None:
    aws = client(app, "kms", account, region)
    alias = like.get("alias") or like["name"]
    alias = alias if alias.startswith("alias/") else f"alias/{alias}"
    for page in aws.get_paginator("list_aliases").paginate():
        if any(known["AliasName"] == alias for known in page["Aliases"]):
            return
    key = aws.create_key(Description="stand-in")["KeyMetadata"]["KeyId"]
    aws.create_alias(AliasName=alias, TargetKeyId=key)


def _prefix_list(app: Any, account: str, region: str, like: Like) -> None:
    aws = client(app, "ec2", account, region)
    named = [{"Name": "prefix-list-name", "Values": [like["name"]]}]
    if not aws.describe_managed_prefix_lists(Filters=named)["PrefixLists"]:
        aws.create_managed_prefix_list(PrefixListName=like["name"], MaxEntries=55, AddressFamily="IPv4")


def _vpc(app: Any, account: str, region: str, like: Like) -> None:
    aws = client(app, "ec2", account, region)
    tags = [{"Key": "Name", "Value": like["name"]}]
    if not aws.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [like["name"]]}])["Vpcs"]:
        spec = [{"ResourceType": "vpc", "Tags": tags}]
        aws.create_vpc(CidrBlock=like.get("cidr", "10.255.0.0/16"), TagSpecifications=spec)


def _bucket(app: Any, account: str, region: str, like: Like) -> None:
    aws = client(app, "s3", account, region)
    if not any(bucket["Name"] == like["name"] for bucket in aws.list_buckets(Prefix=like["name"])["Buckets"]):
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        aws.create_bucket(Bucket=like["name"], **place)


def _certificate(app: Any, account: str, region: str, like: Like) -> None:
    """An imported one: it is issued at once, and needs no zone."""
    from moto.acm.models import CertBundle

    aws = client(app, "acm", account, region)
    domain = like.get("domain") or like["name"]
    for page in aws.get_paginator("list_certificates").paginate():
        if any(known["DomainName"] == domain for known in page["CertificateSummaryList"]):
            return
    made = CertBundle.generate_cert(domain, account, region)
    aws.import_certificate(Certificate=made.cert, PrivateKey=made.key)


MAKERS: dict[str, Callable[[Any, str, str, Like], None]] = {
    "bucket": _bucket,
    "certificate": _certificate,
    "hosted_zone": _hosted_zone,
    "kms_key": _kms_key,
    "prefix_list": _prefix_list,
    "sns_topic": _sns_topic,
    "vpc": _vpc,
}


def make(app: Any, query: Like) -> dict[str, Any]:
    """Makes one if there is none: `kind`, `account` and `region`, and the rest is what it must be like."""
    like = dict(query)
    kind, account, region = (like.pop(name, "") for name in ("kind", "account", "region"))
    maker = MAKERS.get(kind)
    if maker is None:
        return {"made": False, "why": f"no stand-in for {kind}"}
    try:
        maker(app, account, region, like)
    except KeyError as missing:
        return {"made": False, "why": f"a stand-in for {kind} needs {missing}"}
    return {"made": True}
