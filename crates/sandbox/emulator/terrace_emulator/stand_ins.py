"""Stand-ins: what a stack looks up and a fresh world does not hold, such as a public zone or a topic.

A real account has these things; the sandbox makes them on request, once, in the account and region of the stack.
Each maker is a plain AWS client's call on this very server.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

Like = dict[str, str]


def _client(service: str, port: int, account: str, region: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=region,
        aws_access_key_id=f"TERRACE{account}",
        aws_secret_access_key="sandbox",
    )


def _hosted_zone(port: int, account: str, region: str, like: Like) -> None:
    client = _client("route53", port, account, region)
    name = like["name"].rstrip(".") + "."
    private = like.get("private", "false") == "true"
    for page in client.get_paginator("list_hosted_zones").paginate():
        for zone in page["HostedZones"]:
            if zone["Name"] == name and zone["Config"].get("PrivateZone", False) == private:
                return
    client.create_hosted_zone(Name=name, CallerReference=uuid.uuid4().hex)


def _sns_topic(port: int, account: str, region: str, like: Like) -> None:
    _client("sns", port, account, region).create_topic(Name=like["name"])


def _kms_key(port: int, account: str, region: str, like: Like) -> None:
    client = _client("kms", port, account, region)
    alias = like.get("alias") or like["name"]
    alias = alias if alias.startswith("alias/") else f"alias/{alias}"
    for page in client.get_paginator("list_aliases").paginate():
        if any(known["AliasName"] == alias for known in page["Aliases"]):
            return
    key = client.create_key(Description="stand-in")["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName=alias, TargetKeyId=key)


def _prefix_list(port: int, account: str, region: str, like: Like) -> None:
    client = _client("ec2", port, account, region)
    named = [{"Name": "prefix-list-name", "Values": [like["name"]]}]
    if not client.describe_managed_prefix_lists(Filters=named)["PrefixLists"]:
        client.create_managed_prefix_list(PrefixListName=like["name"], MaxEntries=55, AddressFamily="IPv4")


def _vpc(port: int, account: str, region: str, like: Like) -> None:
    client = _client("ec2", port, account, region)
    tags = [{"Key": "Name", "Value": like["name"]}]
    if not client.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [like["name"]]}])["Vpcs"]:
        spec = [{"ResourceType": "vpc", "Tags": tags}]
        client.create_vpc(CidrBlock=like.get("cidr", "10.255.0.0/16"), TagSpecifications=spec)


def _bucket(port: int, account: str, region: str, like: Like) -> None:
    client = _client("s3", port, account, region)
    if not any(bucket["Name"] == like["name"] for bucket in client.list_buckets(Prefix=like["name"])["Buckets"]):
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=like["name"], **place)


def _certificate(port: int, account: str, region: str, like: Like) -> None:
    """An imported one: it is issued at once, and needs no zone."""
    from moto.acm.models import CertBundle

    client = _client("acm", port, account, region)
    domain = like.get("domain") or like["name"]
    for page in client.get_paginator("list_certificates").paginate():
        if any(known["DomainName"] == domain for known in page["CertificateSummaryList"]):
            return
    made = CertBundle.generate_cert(domain, account, region)
    client.import_certificate(Certificate=made.cert, PrivateKey=made.key)


MAKERS: dict[str, Callable[[int, str, str, Like], None]] = {
    "bucket": _bucket,
    "certificate": _certificate,
    "hosted_zone": _hosted_zone,
    "kms_key": _kms_key,
    "prefix_list": _prefix_list,
    "sns_topic": _sns_topic,
    "vpc": _vpc,
}


def make(port: int, query: Like) -> dict[str, Any]:
    """Makes one if there is none: `kind`, `account` and `region`, and the rest is what it must be like."""
    like = dict(query)
    kind, account, region = (like.pop(name, "") for name in ("kind", "account", "region"))
    maker = MAKERS.get(kind)
    if maker is None:
        return {"made": False, "why": f"no stand-in for {kind}"}
    try:
        maker(port, account, region, like)
    except KeyError as missing:
        return {"made": False, "why": f"a stand-in for {kind} needs {missing}"}
    return {"made": True}
