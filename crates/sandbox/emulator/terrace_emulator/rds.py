"""DB instances: their states, their versions, what waits for the maintenance window, and replicas."""

from __future__ import annotations

import random
import string
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.models import DBInstance

from . import clock
from .corrections import Refusal, also, backend, correction

# Declared before all others, so that they see the name AWS sees.
_NAMES = (
    "DBInstanceIdentifier",
    "NewDBInstanceIdentifier",
    "SourceDBInstanceIdentifier",
    "DBSnapshotIdentifier",
    "FinalDBSnapshotIdentifier",
    "DBSubnetGroupName",
    "DBParameterGroupName",
)


@correction(
    "rds.names-lower-case",
    fact="RDS stores the names of instances, subnet groups, parameter groups and snapshots in lower case",
    source="aws-semantics 3.14-3.16",
    around=("rds", "*"),
)
def lower_case(call: Any, proceed: Any) -> Any:
    for member in _NAMES:
        name = call.params.get(member)
        if isinstance(name, str) and not name.startswith("arn:"):
            call.params[member] = name.lower()
    return proceed()


def find(call: Any, name: str | None) -> Any:
    """The instance of this name or ARN, if there is one."""
    return backend(call).databases.get((name or "").split(":")[-1])


# One current version a family; AWS knows more, but never fewer.
VERSIONS = {
    "mysql": {"8.0": "8.0.40", "8.4": "8.4.3"},
    "mariadb": {"10.5": "10.5.27", "10.6": "10.6.20", "10.11": "10.11.10", "11.4": "11.4.4"},
    "postgres": {"13": "13.18", "14": "14.15", "15": "15.10", "16": "16.6", "17": "17.2"},
}
DEFAULTS = {"mysql": "8.0.40", "mariadb": "10.11.10", "postgres": "17.2"}


def major(engine: str, version: str) -> str:
    parts = version.split(".")
    return ".".join(parts[: 1 if engine == "postgres" else 2])


@correction(
    "rds.engine-versions",
    fact="an instance has a full engine version: the current one of the family asked for, or the engine's default; an "
    "unknown one is refused",
    source="aws-semantics 3.16, R11; moto 4",
    around=[("rds", "CreateDBInstance"), ("rds", "ModifyDBInstance")],
)
def versions(call: Any, proceed: Any) -> Any:
    db = find(call, call.params.get("DBInstanceIdentifier"))
    modifying = call._get_action() == "ModifyDBInstance"
    engine = db.engine if db and modifying else call.params.get("Engine")
    asked = call.params.get("EngineVersion")
    if engine in VERSIONS and (asked or not modifying):
        asked = asked or DEFAULTS[engine]
        full = VERSIONS[engine].get(asked)
        if full is None and asked.isdigit():
            full = next((v for v in reversed(VERSIONS[engine].values()) if v.startswith(asked + ".")), None)
        if full is None and major(engine, asked) not in VERSIONS[engine]:
            raise Refusal("InvalidParameterCombination", f"Cannot find version {asked} for {engine}")
        call.params["EngineVersion"] = full or asked
        if db and modifying and major(engine, full or asked) != major(engine, db.engine_version):
            if not call.params.get("AllowMajorVersionUpgrade"):
                raise Refusal(
                    "InvalidParameterCombination",
                    "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
                )
    return proceed()


@also("rds.engine-versions", around=("rds", "DescribeDBEngineVersions"))
def describe_versions(call: Any, proceed: Any) -> Any:
    asked, number = call.params.get("Engine"), call.params.get("EngineVersion")
    rows = [
        {
            "Engine": engine,
            "EngineVersion": full,
            "MajorEngineVersion": family,
            "DBParameterGroupFamily": engine + family,
            "Status": "available",
        }
        for engine, families in VERSIONS.items()
        for family, full in families.items()
        if asked in (None, engine)
        and (number is None or full == number or full.startswith(number + "."))
        and (not call.params.get("DefaultOnly") or full == DEFAULTS[engine])
    ]
    return ActionResult({"DBEngineVersions": rows})


_LICENSES = {"postgres": "postgresql-license"}


@correction(
    "rds.instance-defaults",
    fact="an answer says what AWS chose: gp3 storage, the CA, license and option group of the engine, the default "
    "security group of its VPC, not public, no Performance Insights, a resource id of its own",
    source="aws-semantics 3.16; moto 4",
    around=("rds", "CreateDBInstance"),
)
def defaults(call: Any, proceed: Any) -> Any:
    asked = call.params
    if asked.get("DBClusterIdentifier") or asked.get("Engine") not in VERSIONS:
        return proceed()
    if not asked.get("MasterUserPassword") and not asked.get("ManageMasterUserPassword"):
        raise Refusal(
            "InvalidParameterValue", "The parameter MasterUserPassword must be provided and must not be blank."
        )
    rds, ec2 = backend(call), _ec2(call)
    if not asked.get("Iops"):
        asked.setdefault("StorageType", "gp3")
    asked.setdefault("PubliclyAccessible", False)
    asked.setdefault("CACertificateIdentifier", "rds-ca-rsa2048-g1")
    asked.setdefault("LicenseModel", _LICENSES.get(asked["Engine"], "general-public-license"))
    group = rds.subnet_groups.get(asked.get("DBSubnetGroupName") or "")
    if group:
        if not asked.get("VpcSecurityGroupIds"):
            asked["VpcSecurityGroupIds"] = [ec2.get_default_security_group(group.vpc_id).id]
        asked.setdefault("AvailabilityZone", group._subnets[0].availability_zone)
    for name in asked.get("VpcSecurityGroupIds") or ():
        if ec2.get_security_group_from_id(name) is None:
            raise Refusal("InvalidParameterValue", f"Invalid security group , groupId= {name}, groupName=.")
    answer = proceed()
    db = answer.result["DBInstance"]
    db.dbi_resource_id = resource_id()
    db.performance_insights_enabled = bool(asked.get("EnablePerformanceInsights"))
    if not db.option_group_supplied:
        family = major(db.engine, db.engine_version).replace(".", "-")
        db.option_group_name = f"default:{db.engine}-{family}"
    if db.storage_type == "gp3":
        db.iops = db.iops or 3000
        db.storage_throughput = db.storage_throughput or 125
    if db.storage_encrypted and not asked.get("KmsKeyId"):
        db.kms_key_id = f"arn:aws:kms:{db.region}:{db.account_id}:key/00000000-0000-4000-8000-000000000000"
    return answer


@also("rds.instance-defaults", around=("rds", "ModifyDBInstance"))
def insights(call: Any, proceed: Any) -> Any:
    answer = proceed()
    db, asked = find(call, call.params["DBInstanceIdentifier"]), call.params.get("EnablePerformanceInsights")
    if db is not None and asked is not None:
        db.performance_insights_enabled = asked
    return answer


def resource_id() -> str:
    return "db-" + "".join(random.choices(string.ascii_uppercase + string.digits, k=26))


def _ec2(call: Any) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[call.current_account][call.region]


@correction(
    "rds.instance-states",
    fact="an instance is creating, modifying, rebooting or deleting before it is available or gone, has no endpoint "
    "before its first available, and can be modified, copied or replicated only when available",
    source="aws-semantics 3.16",
    around=[
        ("rds", action)
        for action in ("CreateDBInstance", "CreateDBInstanceReadReplica", "RestoreDBInstanceFromDBSnapshot")
    ],
)
def creating(call: Any, proceed: Any) -> Any:
    answer = proceed()
    pass_through(answer.result["DBInstance"], "creating")
    return answer


def pass_through(db: Any, state: str) -> None:
    db.status = state

    def settled() -> None:
        if db.status == state:
            db.status = "available"

    clock.after(1, settled)


@also("rds.instance-states", patch=(DBInstance, "endpoint"))
def endpoint(inner: Any, self: Any) -> Any:
    return None if self.status == "creating" else inner(self)


_NEED_AVAILABLE = {
    "ModifyDBInstance": "DBInstanceIdentifier",
    "RebootDBInstance": "DBInstanceIdentifier",
    "CreateDBSnapshot": "DBInstanceIdentifier",
    "PromoteReadReplica": "DBInstanceIdentifier",
    "CreateDBInstanceReadReplica": "SourceDBInstanceIdentifier",
}


@also("rds.instance-states", around=[("rds", action) for action in _NEED_AVAILABLE])
def only_available(call: Any, proceed: Any) -> Any:
    action = call._get_action()
    db = find(call, call.params.get(_NEED_AVAILABLE[action]))
    if db is not None and db.status != "available":
        raise Refusal(
            "InvalidDBInstanceState", f"Database instance is not in available state: {db.db_instance_identifier}"
        )
    answer = proceed()
    if action == "RebootDBInstance":
        db.parameters_pending = False
        pass_through(db, "rebooting")
    return answer


@also("rds.instance-states", around=("rds", "DeleteDBInstance"))
def deleting(call: Any, proceed: Any) -> Any:
    rds, name = backend(call), call.params["DBInstanceIdentifier"]
    db = find(call, name)
    if db is not None and db.status == "deleting":
        raise Refusal("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    if db is not None and call.params.get("FinalDBSnapshotIdentifier") and db.status != "available":
        raise Refusal(
            "InvalidDBInstanceState",
            f"Cannot create a snapshot because the database instance {name} is not currently in the available state.",
        )
    answer = proceed()
    db.status = "deleting"
    # moto has dropped it already; AWS lists it, and keeps its name and its groups, until it is gone.
    rds.databases[name] = db

    def gone() -> None:
        if rds.databases.get(name) is db:
            del rds.databases[name]

    clock.after(1, gone)
    return answer


@correction(
    "rds.delete-snapshot-choice",
    fact="DeleteDBInstance needs SkipFinalSnapshot or FinalDBSnapshotIdentifier, and not both; a replica takes no "
    "final snapshot",
    source="aws-semantics 3.16",
    around=("rds", "DeleteDBInstance"),
)
def snapshot_choice(call: Any, proceed: Any) -> Any:
    db = find(call, call.params["DBInstanceIdentifier"])
    skip, final = call.params.get("SkipFinalSnapshot"), call.params.get("FinalDBSnapshotIdentifier")
    if db is None or db.status == "deleting" or db.db_cluster_identifier:
        return proceed()
    if final and (skip or db.is_replica):
        raise Refusal(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance or with SkipFinalSnapshot",
        )
    if not final and not skip:
        raise Refusal(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    return proceed()


@correction(
    "rds.storage-shrink",
    fact="allocated storage cannot be reduced",
    source="aws-semantics 3.16",
    around=("rds", "ModifyDBInstance"),
)
def shrink(call: Any, proceed: Any) -> Any:
    db, size = find(call, call.params["DBInstanceIdentifier"]), call.params.get("AllocatedStorage")
    if db is not None and size is not None and int(size) < int(db.allocated_storage):
        raise Refusal(
            "InvalidParameterCombination",
            f"Requested storage size {size} cannot be less than the current storage size {db.allocated_storage}",
        )
    return proceed()


# What waits for the maintenance window unless ApplyImmediately, and moto's name for it.
_DEFERRED = {
    "DBInstanceClass": "db_instance_class",
    "EngineVersion": "engine_version",
    "AllocatedStorage": "allocated_storage",
    "StorageType": "storage_type",
    "Iops": "iops",
    "StorageThroughput": "storage_throughput",
    "MultiAZ": "multi_az",
    "DBPortNumber": "port",
    "CACertificateIdentifier": "ca_certificate_identifier",
    "LicenseModel": "license_model",
    "BackupRetentionPeriod": "backup_retention_period",
}
_PENDING_NAMES = {"DBPortNumber": "Port"}


@correction(
    "rds.modify-pending",
    fact="ModifyDBInstance without ApplyImmediately leaves what interrupts in PendingModifiedValues; with it, that and "
    "whatever was pending is applied while the instance is modifying",
    source="aws-semantics 3.16",
    around=("rds", "ModifyDBInstance"),
)
def modify(call: Any, proceed: Any) -> Any:
    db = find(call, call.params["DBInstanceIdentifier"])
    if db is None or db.db_cluster_identifier:
        return proceed()
    changes = dict(getattr(db, "deferred", {}))
    for member, field in _DEFERRED.items():
        if call.params.get(member) is None:
            continue
        # Lengthening or shortening the retention is no interruption; beginning and ending backups is.
        if member == "BackupRetentionPeriod" and bool(call.params[member]) == bool(db.backup_retention_period):
            continue
        value = call.params.pop(member)
        if value != getattr(db, field):
            changes[member] = value
        else:
            changes.pop(member, None)
    at_once = bool(call.params.get("ApplyImmediately"))
    answer = proceed()
    _show_pending(db, changes)
    if at_once and changes:
        pass_through(db, "modifying")
        clock.after(1, lambda: _apply(db, changes))
    return answer


def _show_pending(db: Any, changes: dict[str, Any]) -> None:
    db.deferred = changes
    db.pending_modified_values = {_PENDING_NAMES.get(k, k): v for k, v in changes.items()}


def _apply(db: Any, changes: dict[str, Any]) -> None:
    for member, value in changes.items():
        setattr(db, _DEFERRED[member], value)
    _show_pending(db, {})


@correction(
    "rds.replicas",
    fact="a read replica is an instance of its own (resource id, tags, no backups), needs a source with backups and "
    "without a managed password, and is promoted when its source goes",
    source="aws-semantics 3.17 and head note",
    around=("rds", "CreateDBInstanceReadReplica"),
)
def replica(call: Any, proceed: Any) -> Any:
    rds, asked = backend(call), call.params
    source = find(call, asked.get("SourceDBInstanceIdentifier"))
    if asked["DBInstanceIdentifier"] in rds.databases:
        raise Refusal("DBInstanceAlreadyExists", "DB instance already exists")
    if source is not None and not source.backup_retention_period:
        raise Refusal(
            "InvalidDBInstanceState",
            "Automated backups are not enabled for this database instance. To enable automated backups, use "
            "ModifyDBInstance to set the backup retention period to a non-zero value.",
        )
    if source is not None and source.manage_master_user_password:
        raise Refusal(
            "InvalidParameterCombination",
            "You can't create a read replica of a DB instance that manages its master user password in Secrets "
            "Manager.",
        )
    # As plain ones: moto's own lose their names when they are copied.
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in asked.get("Tags") or ()]
    answer = proceed()
    made = answer.result["DBInstance"]
    made.tags = tags
    made.dbi_resource_id = resource_id()
    made.backup_retention_period = asked.get("BackupRetentionPeriod") or 0
    made.deletion_protection = bool(asked.get("DeletionProtection"))
    made.multi_az = bool(asked.get("MultiAZ"))
    made.port = asked.get("Port") or source.port
    made.vpc_security_group_ids = list(asked.get("VpcSecurityGroupIds") or source.vpc_security_group_ids)
    made.status_infos = [{"StatusType": "read replication", "Normal": True, "Status": "replicating"}]
    _show_pending(made, {})
    return answer


def _release(db: Any, source: Any) -> None:
    """Make a replica an instance like any other."""
    db.is_replica = False
    db.source_db_instance_identifier = None
    db.status_infos = []
    if source is not None and db.db_instance_identifier in source.replicas:
        source.remove_replica(db)


@also("rds.replicas", around=("rds", "PromoteReadReplica"))
def promote(call: Any, proceed: Any) -> Any:
    db = find(call, call.params["DBInstanceIdentifier"])
    if db is None:
        raise Refusal("DBInstanceNotFound", f"DBInstance {call.params['DBInstanceIdentifier']} not found.")
    if not db.is_replica:
        raise Refusal("InvalidDBInstanceState", "DB Instance is not a read replica.")
    source = find(call, db.source_db_instance_identifier)
    answer = proceed()
    db.backup_retention_period = call.params.get("BackupRetentionPeriod") or 1
    _release(db, source)
    pass_through(db, "modifying")
    return answer


@also("rds.replicas", around=("rds", "DeleteDBInstance"))
def source_goes(call: Any, proceed: Any) -> Any:
    db = find(call, call.params["DBInstanceIdentifier"])
    answer = proceed()
    for name in list(db.replicas):
        left = find(call, name)
        if left is not None:
            _release(left, None)
    db.replicas = []
    return answer
