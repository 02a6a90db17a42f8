"""The census: what a plain AWS client counts in one account and region, by kind of thing.

For teardown tests: it does not trust marks, plans or names. What AWS itself puts into a fresh account, and what only
lingers as a trace of what was, is not counted.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from moto.core.base_backend import BackendDict

from .inside import client

Census = dict[str, int]


def count(app: Any, account: str, region: str) -> Census:
    """Counts everything of the services that terrace makes things in: in `region` and wherever else the account is."""
    census: Counter[str] = Counter()
    for part in _GLOBAL:
        census.update(part(app, account, region))
    for part, services in _REGIONAL.items():
        for each in _regions(account, services) | {region}:
            census.update(part(app, account, each))
    return {kind: number for kind, number in sorted(census.items()) if number}


def _regions(account: str, services: tuple[str, ...]) -> set[str]:
    """Where the account has used these services: to ask in every region there is would build a world in each."""
    used = [kept for kept in BackendDict._instances if kept.service_name in services and account in kept]
    return {region for kept in used for region in list(dict.keys(kept[account]))}


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page.get(key, [])]


def _ec2(app: Any, account: str, region: str) -> Census:
    ec2 = client(app, "ec2", account, region)
    own = {"Filters": [{"Name": "owner-id", "Values": [account]}]}
    reservations = _pages(ec2, "describe_instances", "Reservations")
    instances = [i for r in reservations for i in r["Instances"] if i["State"]["Name"] != "terminated"]
    tables = _pages(ec2, "describe_route_tables", "RouteTables")
    nats = _pages(ec2, "describe_nat_gateways", "NatGateways")
    endpoints = _pages(ec2, "describe_vpc_endpoints", "VpcEndpoints")
    return {
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "groups": len([g for g in _pages(ec2, "describe_security_groups", "SecurityGroups") if g["GroupName"] != "default"]),
        "instances": len(instances),
        "interfaces": len(_pages(ec2, "describe_network_interfaces", "NetworkInterfaces")),
        "internet gateways": len(_pages(ec2, "describe_internet_gateways", "InternetGateways")),
        "endpoints": len([e for e in endpoints if e["State"].lower() != "deleted"]),
        "key pairs": len(ec2.describe_key_pairs()["KeyPairs"]),
        "launch templates": len(_pages(ec2, "describe_launch_templates", "LaunchTemplates")),
        "NAT gateways": len([n for n in nats if n["State"] != "deleted"]),
        "route tables": len([t for t in tables if not any(a.get("Main") for a in t["Associations"])]),
        "subnets": len([s for s in _pages(ec2, "describe_subnets", "Subnets") if not s["DefaultForAz"]]),
        "volumes": len(_pages(ec2, "describe_volumes", "Volumes")),
        "vpcs": len([v for v in _pages(ec2, "describe_vpcs", "Vpcs", **own) if not v["IsDefault"]]),
    }


def _balancing(app: Any, account: str, region: str) -> Census:
    elb = client(app, "elbv2", account, region)
    balancers = _pages(elb, "describe_load_balancers", "LoadBalancers")
    listeners = [
        listener["ListenerArn"]
        for balancer in balancers
        for listener in _pages(elb, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"])
    ]
    rules = [r for arn in listeners for r in _pages(elb, "describe_rules", "Rules", ListenerArn=arn)]
    return {
        "balancers": len(balancers),
        "listeners": len(listeners),
        "listener rules": len([r for r in rules if not r["IsDefault"]]),
        "target groups": len(_pages(elb, "describe_target_groups", "TargetGroups")),
    }


def _scaling(app: Any, account: str, region: str) -> Census:
    scaling = client(app, "autoscaling", account, region)
    # Policies and scheduled actions of a group that is gone would be traces, but a group takes them along.
    return {
        "scaling groups": len(_pages(scaling, "describe_auto_scaling_groups", "AutoScalingGroups")),
        "scaling policies": len(_pages(scaling, "describe_policies", "ScalingPolicies")),
        "scheduled actions": len(_pages(scaling, "describe_scheduled_actions", "ScheduledUpdateGroupActions")),
    }


def _iam(app: Any, account: str, region: str) -> Census:
    iam = client(app, "iam", account, region)
    roles = [r for r in _pages(iam, "list_roles", "Roles") if not r["Path"].startswith("/aws-service-role/")]
    return {
        "roles": len(roles),
        "instance profiles": len(_pages(iam, "list_instance_profiles", "InstanceProfiles")),
    }


def _rds(app: Any, account: str, region: str) -> Census:
    rds = client(app, "rds", account, region)
    groups = _pages(rds, "describe_db_parameter_groups", "DBParameterGroups")
    return {
        "databases": len(_pages(rds, "describe_db_instances", "DBInstances")),
        "database subnet groups": len(_pages(rds, "describe_db_subnet_groups", "DBSubnetGroups")),
        "database parameter groups": len([g for g in groups if not g["DBParameterGroupName"].startswith("default.")]),
    }


def _route53(app: Any, account: str, region: str) -> Census:
    route53 = client(app, "route53", account, region)
    zones = _pages(route53, "list_hosted_zones", "HostedZones")
    records = 0
    for zone in zones:
        sets = _pages(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
        records += len([s for s in sets if s["Type"] not in ("NS", "SOA")])
    checks = _pages(route53, "list_health_checks", "HealthChecks")
    return {"zones": len(zones), "records": records, "health checks": len(checks)}


def _s3(app: Any, account: str, region: str) -> Census:
    # The account's own bucket holds locks and footprints and is kept on purpose.
    buckets = client(app, "s3", account, region).list_buckets()["Buckets"]
    return {"buckets": len([b for b in buckets if b["Name"] != f"terrace-{account}"])}


def _others(app: Any, account: str, region: str) -> Census:
    secrets = client(app, "secretsmanager", account, region)
    ssm = client(app, "ssm", account, region)
    alarms = client(app, "cloudwatch", account, region)
    # Images' ids are looked up in public parameters, which moto counts to the account once they were asked for.
    parameters = _pages(ssm, "describe_parameters", "Parameters")
    return {
        "alarms": len(_pages(alarms, "describe_alarms", "MetricAlarms")),
        "parameters": len([p for p in parameters if not p["Name"].startswith("/aws/")]),
        "secrets": len(_pages(secrets, "list_secrets", "SecretList")),
    }


def _cloudfront(app: Any, account: str, region: str) -> Census:
    cdn = client(app, "cloudfront", account, region)
    distributions = cdn.get_paginator("list_distributions").paginate()
    controls = cdn.get_paginator("list_origin_access_controls").paginate()
    return {
        "distributions": sum(len(page["DistributionList"].get("Items", [])) for page in distributions),
        "origin access controls": sum(len(page["OriginAccessControlList"].get("Items", [])) for page in controls),
    }


def _acm(app: Any, account: str, region: str) -> Census:
    acm = client(app, "acm", account, region)
    kinds = acm.meta.service_model.shape_for("KeyAlgorithm").enum
    found = _pages(acm, "list_certificates", "CertificateSummaryList", Includes={"keyTypes": kinds})
    return {"certificates": len(found)}


_GLOBAL = (_iam, _route53, _s3, _cloudfront)
# What is counted region by region, and the services that show by their use which regions those are.
_REGIONAL = {
    _acm: ("acm",),
    _balancing: ("elbv2",),
    _ec2: ("ec2",),
    _others: ("secretsmanager", "ssm", "cloudwatch"),
    _rds: ("rds",),
    _scaling: ("autoscaling",),
}
