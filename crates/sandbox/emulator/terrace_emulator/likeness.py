"""The likeness of a world: all that a plain AWS client sees in an account, without what differs from run to run.

Two worlds made by the same plans are alike if their likenesses are equal: every property and tag, where ids, addresses
and times that AWS chose are replaced. What has a mark is called by its mark wherever it is named; the rest of what AWS
numbers is called by its type.
"""

from __future__ import annotations

import base64
import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

from .census import _pages, _regions
from .inside import client

Item = dict[str, Any]

# Words that AWS makes up anew each time, and what stands for them. Marked resources are called by their mark before.
_CHANCE = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b((?:[a-z]+-)*[a-z]+)-[0-9a-f]{8}(?:[0-9a-f]{9})?\b"), r"<\1>"),
    # Ids of balancers, and fingerprints: what they are of is compared itself.
    (re.compile(r"\b[0-9a-f]{16}\b"), "<id>"),
    (re.compile(r"\b\d{1,3}(?:[.-]\d{1,3}){3}\b(?!/)"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)?"), "<time>"),
    (re.compile(r"(?<=-)\d{12}(?=$|-)"), "<stamp>"),
    (re.compile(r"(:secret:[\w/+=.@-]+)-[A-Za-z0-9]{6}\b"), r"\1"),
    # By chance there is no digit in it: one in seventy of the short ones.
    (re.compile(r"\b[A-Z0-9]{13,32}\b"), "<ID>"),
    (re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b"), "<mac>"),
    (re.compile(r"\b_[0-9a-f]{32}\b"), "_<proof>"),
    (re.compile(r"\bd[a-z0-9]{13}\.cloudfront\.net"), "<distribution>"),
    (re.compile(r"\b\d{10}\b"), "<number>"),
]
# What says when or how often something was written, not what it is.
_LEFT_OUT = {
    "ETag", "CallerReference", "ResponseMetadata", "LastModified", "VersionIdsToStages", "SecretVersionsToStages",
    "OwnerId", "Serial", "Reason", "ClientToken", "AvailableIpAddressCount",
}  # fmt: skip


def take(application: Any, account: str, region: str) -> list[str]:
    """One line an item, sorted."""
    found: list[tuple[str, Item]] = []
    for service, look in _GLOBAL.items():
        found += look(client(application, service, account, region))
    for service, look in _REGIONAL.items():
        for each in sorted(_regions(account, (service,)) | {region}):
            found += [(f"{each} {what}", item) for what, item in look(client(application, service, account, each))]
    names = _names(found)
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True)))) if names else None

    def called(text: str) -> str:
        if pattern:
            text = pattern.sub(lambda match: names[match.group()], text)
        for chance, instead in _CHANCE:
            text = chance.sub(instead, text)
        return text

    return sorted(f"{what} {json.dumps(_plain(item, called), sort_keys=True)}" for what, item in found)


def _plain(value: Any, called: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _plain(v, called) for k, v in value.items() if k not in _LEFT_OUT}
        return {called(k): v for k, v in kept.items() if v is not None}
    if isinstance(value, list):
        # The order of most lists is chance; of the few where it is not, the content differs with it.
        return sorted((_plain(one, called) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, datetime.datetime):
        return None
    if isinstance(value, bytes):
        return called(value.decode(errors="replace"))
    if isinstance(value, str):
        if value.startswith("{"):
            try:
                return _plain(json.loads(value), called)
            except ValueError:
                pass
        return called(value)
    return value


# Where an item's own id stands.
_OWN = {
    "subnet": "SubnetId", "table": "RouteTableId", "gateway": "InternetGatewayId", "nat": "NatGatewayId",
    "address": "AllocationId", "group": "GroupId", "endpoint": "VpcEndpointId", "volume": "VolumeId",
    "instance": "InstanceId", "template": "LaunchTemplateId", "key": "KeyPairId", "snapshot": "SnapshotId",
    "vpc": "VpcId", "balancer": "LoadBalancerArn", "target-group": "TargetGroupArn", "listener": "ListenerArn",
    "rule": "RuleArn", "certificate": "CertificateArn", "zone": "Id", "distribution": "Id", "secret": "ARN",
    "database": "DbiResourceId", "role": "RoleId", "profile": "InstanceProfileId",
}  # fmt: skip


def _names(found: list[tuple[str, Item]]) -> dict[str, str]:
    """What each id is called: by the mark of what it is the id of."""
    names: dict[str, str] = {}
    for what, item in found:
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags") or item.get("TagList") or ()}
        mark, kind = tags.get("terrace:id"), what.split()[-1]
        if mark is None or kind not in _OWN:
            continue
        name = f"<{kind} {mark} {tags.get('terrace:gen', '')}>"
        own = str(item.get(_OWN[kind]) or "")
        if own:
            names[own.removeprefix("/hostedzone/")] = name
        for member in ("DNSName", "DomainName", "PublicIp"):
            if kind in ("balancer", "distribution", "address") and item.get(member):
                names[item[member]] = f"{name}.{member}"
    return names


def _each(client: Any, what: str, operation: str, key: str, **arguments: Any) -> Iterator[tuple[str, Item]]:
    if client.can_paginate(operation):
        for item in _pages(client, operation, key, **arguments):
            yield what, item
    else:
        for item in getattr(client, operation)(**arguments)[key]:
            yield what, item


def _ec2(ec2: Any) -> Iterator[tuple[str, Item]]:
    for what, operation, key in (
        ("address", "describe_addresses", "Addresses"),
        ("group", "describe_security_groups", "SecurityGroups"),
        ("interface", "describe_network_interfaces", "NetworkInterfaces"),
        ("gateway", "describe_internet_gateways", "InternetGateways"),
        ("key", "describe_key_pairs", "KeyPairs"),
        ("table", "describe_route_tables", "RouteTables"),
        ("subnet", "describe_subnets", "Subnets"),
        ("volume", "describe_volumes", "Volumes"),
        ("vpc", "describe_vpcs", "Vpcs"),
    ):
        yield from _each(ec2, what, operation, key)
    for _, one in _each(ec2, "nat", "describe_nat_gateways", "NatGateways"):
        if one["State"] not in ("deleted", "deleting"):
            yield "nat", one
    for _, one in _each(ec2, "endpoint", "describe_vpc_endpoints", "VpcEndpoints"):
        if one["State"].lower() not in ("deleted", "deleting"):
            yield "endpoint", one
    for _, reservation in _each(ec2, "", "describe_instances", "Reservations"):
        for one in reservation["Instances"]:
            if one["State"]["Name"] not in ("terminated", "shutting-down"):
                data = ec2.describe_instance_attribute(InstanceId=one["InstanceId"], Attribute="userData")
                text = base64.b64decode(data.get("UserData", {}).get("Value") or "").decode(errors="replace")
                yield "instance", {**one, "UserData": text}
    for _, one in _each(ec2, "", "describe_launch_templates", "LaunchTemplates"):
        # Its newest version alone: how many there were on the way is no matter.
        versions = ec2.describe_launch_template_versions(
            LaunchTemplateId=one["LaunchTemplateId"], Versions=["$Latest"]
        )
        yield "template", {**one, "Newest": versions["LaunchTemplateVersions"]}
    mine = [{"Name": "tag-key", "Values": ["terrace:stack"]}]
    yield from _each(ec2, "snapshot", "describe_snapshots", "Snapshots", Filters=mine)


def _balancing(elb: Any) -> Iterator[tuple[str, Item]]:
    def tagged(arn: str) -> list[Any]:
        return elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]

    for _, one in _each(elb, "", "describe_load_balancers", "LoadBalancers"):
        arn = one["LoadBalancerArn"]
        attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        yield "balancer", {**one, "Tags": tagged(arn), "Attributes": attributes}
        for _, listener in _each(elb, "", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            yield "listener", {**listener, "Tags": tagged(listener["ListenerArn"])}
            for _, rule in _each(elb, "", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                # A listener's default is no resource of its own.
                yield "rule", {**rule, "Tags": [] if rule["IsDefault"] else tagged(rule["RuleArn"])}
    for _, one in _each(elb, "", "describe_target_groups", "TargetGroups"):
        arn = one["TargetGroupArn"]
        attributes = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        targets = sorted(h["TargetHealth"]["State"] for h in health if h["TargetHealth"]["State"] != "draining")
        yield "target-group", {**one, "Tags": tagged(arn), "Attributes": attributes, "Health": targets}


def _scaling(scaling: Any) -> Iterator[tuple[str, Item]]:
    yield from _each(scaling, "scaling-group", "describe_auto_scaling_groups", "AutoScalingGroups")
    yield from _each(scaling, "scaling-policy", "describe_policies", "ScalingPolicies")
    yield from _each(scaling, "scheduled", "describe_scheduled_actions", "ScheduledUpdateGroupActions")


def _iam(iam: Any) -> Iterator[tuple[str, Item]]:
    for _, role in _each(iam, "", "list_roles", "Roles"):
        if role["Path"].startswith("/aws-service-role/"):
            continue
        name = role["RoleName"]
        whole = iam.get_role(RoleName=name)["Role"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        policies = {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline}
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        yield "role", {**whole, "Policies": policies, "Attached": attached}
    for _, one in _each(iam, "", "list_instance_profiles", "InstanceProfiles"):
        yield "profile", iam.get_instance_profile(InstanceProfileName=one["InstanceProfileName"])["InstanceProfile"]


def _rds(rds: Any) -> Iterator[tuple[str, Item]]:
    def tagged(arn: str) -> list[Any]:
        return rds.list_tags_for_resource(ResourceName=arn)["TagList"]

    yield from _each(rds, "database", "describe_db_instances", "DBInstances")
    for _, one in _each(rds, "", "describe_db_subnet_groups", "DBSubnetGroups"):
        yield "database-subnets", {**one, "Tags": tagged(one["DBSubnetGroupArn"])}
    for _, one in _each(rds, "", "describe_db_parameter_groups", "DBParameterGroups"):
        name = one["DBParameterGroupName"]
        if not name.startswith("default."):
            set_here = _pages(rds, "describe_db_parameters", "Parameters", DBParameterGroupName=name, Source="user")
            yield "database-parameters", {**one, "Tags": tagged(one["DBParameterGroupArn"]), "Set": set_here}
    for _, one in _each(rds, "", "describe_db_snapshots", "DBSnapshots"):
        if not one["DBSnapshotIdentifier"].startswith("rds:"):
            yield "database-snapshot", one


def _route53(dns: Any) -> Iterator[tuple[str, Item]]:
    for _, zone in _each(dns, "", "list_hosted_zones", "HostedZones"):
        name = zone["Id"].removeprefix("/hostedzone/")
        tags = dns.list_tags_for_resource(ResourceType="hostedzone", ResourceId=name)["ResourceTagSet"]["Tags"]
        yield "zone", {**zone, "Tags": tags, "VPCs": dns.get_hosted_zone(Id=name).get("VPCs")}
        for _, record in _each(dns, "", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=name):
            if record["Type"] not in ("NS", "SOA"):
                yield "record", {**record, "Zone": zone["Name"]}
    yield from _each(dns, "health-check", "list_health_checks", "HealthChecks")


def _s3(s3: Any) -> Iterator[tuple[str, Item]]:
    from botocore.exceptions import ClientError

    for bucket in s3.list_buckets()["Buckets"]:
        name, whole = bucket["Name"], {"Bucket": bucket["Name"]}
        for operation in (
            "get_bucket_tagging", "get_bucket_policy", "get_bucket_versioning", "get_public_access_block",
            "get_bucket_encryption", "get_bucket_lifecycle_configuration", "get_bucket_ownership_controls",
            "get_bucket_cors", "get_bucket_website", "get_bucket_notification_configuration",
        ):  # fmt: skip
            try:
                whole[operation] = getattr(s3, operation)(Bucket=name)
            except ClientError as error:
                whole[operation] = error.response["Error"]["Code"]
        yield "bucket", whole
        for _, one in _each(s3, "", "list_objects_v2", "Contents", Bucket=name):
            yield "object", {"Bucket": name, "Key": one["Key"]}


def _cloudfront(cdn: Any) -> Iterator[tuple[str, Item]]:
    for page in cdn.get_paginator("list_distributions").paginate():
        for one in page["DistributionList"].get("Items", []):
            tags = cdn.list_tags_for_resource(Resource=one["ARN"])["Tags"]["Items"]
            config = cdn.get_distribution_config(Id=one["Id"])["DistributionConfig"]
            yield "distribution", {**one, "Tags": tags, "Config": config}
    for page in cdn.get_paginator("list_origin_access_controls").paginate():
        for one in page["OriginAccessControlList"].get("Items", []):
            yield "access-control", one


def _acm(acm: Any) -> Iterator[tuple[str, Item]]:
    kinds = acm.meta.service_model.shape_for("KeyAlgorithm").enum
    for _, one in _each(acm, "", "list_certificates", "CertificateSummaryList", Includes={"keyTypes": kinds}):
        arn = one["CertificateArn"]
        tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
        yield "certificate", {**acm.describe_certificate(CertificateArn=arn)["Certificate"], "Tags": tags}


def _ssm(ssm: Any) -> Iterator[tuple[str, Item]]:
    for _, one in _each(ssm, "", "describe_parameters", "Parameters"):
        if not one["Name"].startswith("/aws/"):
            value = ssm.get_parameter(Name=one["Name"])["Parameter"]["Value"]
            tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=one["Name"])["TagList"]
            yield "parameter", {**one, "Value": value, "Tags": tags, "Version": None}


def _secrets(secrets: Any) -> Iterator[tuple[str, Item]]:
    yield from _each(secrets, "secret", "list_secrets", "SecretList")


def _alarms(alarms: Any) -> Iterator[tuple[str, Item]]:
    for _, one in _each(alarms, "", "describe_alarms", "MetricAlarms"):
        yield "alarm", {**one, "Tags": alarms.list_tags_for_resource(ResourceARN=one["AlarmArn"])["Tags"]}


_GLOBAL = {"iam": _iam, "route53": _route53, "s3": _s3, "cloudfront": _cloudfront}
_REGIONAL = {
    "acm": _acm,
    "autoscaling": _scaling,
    "cloudwatch": _alarms,
    "ec2": _ec2,
    "elbv2": _balancing,
    "rds": _rds,
    "secretsmanager": _secrets,
    "ssm": _ssm,
}
