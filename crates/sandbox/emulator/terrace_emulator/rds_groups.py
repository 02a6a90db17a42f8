"""DB subnet groups and DB parameter groups."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.rds.models import DBInstance, DBParameterGroup

from .corrections import Refusal, also, backend, correction
from .rds import VERSIONS, _ec2, find


def _subnets(call: Any) -> list[Any]:
    """The subnets a request names, which must be known, in one VPC and in two zones."""
    ec2 = _ec2(call)
    known = {name: subnet for zone in ec2.subnets.values() for name, subnet in zone.items()}
    missing = [name for name in call.params.get("SubnetIds") or () if name not in known]
    if missing:
        raise Refusal("InvalidSubnet", f"Some input subnets in :{missing} are invalid.")
    found = [known[name] for name in call.params.get("SubnetIds") or ()]
    if len({s.vpc_id for s in found}) > 1:
        raise Refusal("InvalidSubnet", "Subnets are not all in the same VPC.")
    if len({s.availability_zone for s in found}) < 2:
        raise Refusal(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
            f"{', '.join(sorted({s.availability_zone for s in found}))}. Add subnets to cover at least 2 AZs.",
        )
    return found


def _users(call: Any, group: Any) -> list[Any]:
    return [db for db in backend(call).databases.values() if getattr(db, "db_subnet_group", None) is group]


@correction(
    "rds.subnet-group-create",
    fact="a DB subnet group's name is unique and its subnets cover two zones of one VPC",
    source="aws-semantics 3.14",
    around=("rds", "CreateDBSubnetGroup"),
)
def create_subnet_group(call: Any, proceed: Any) -> Any:
    name = call.params["DBSubnetGroupName"]
    if name in backend(call).subnet_groups:
        raise Refusal("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    _subnets(call)
    return proceed()


@correction(
    "rds.subnet-group-modify",
    fact="ModifyDBSubnetGroup keeps the group and its tags, and no subnet that an instance is in is taken out",
    source="aws-semantics 3.14; moto 4",
    around=("rds", "ModifyDBSubnetGroup"),
)
def modify_subnet_group(call: Any, proceed: Any) -> Any:
    groups, name = backend(call).subnet_groups, call.params["DBSubnetGroupName"]
    group = groups.get(name)
    if group is None:
        raise Refusal("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' not found.")
    wanted = _subnets(call)
    gone = [s for s in group._subnets if s not in wanted]
    for db in _users(call, group):
        lost = [s.id for s in gone if s.availability_zone == db.availability_zone]
        if lost and db.availability_zone not in {s.availability_zone for s in wanted}:
            raise Refusal("SubnetAlreadyInUse", f"The subnet to be deleted is currently in use: {lost[0]}")
    answer = proceed()
    groups[name] = group
    return answer


@correction(
    "rds.subnet-group-delete-in-use",
    fact="a DB subnet group cannot be deleted while an instance, even one that is going, is in it",
    source="aws-semantics 3.14",
    around=("rds", "DeleteDBSubnetGroup"),
)
def delete_subnet_group(call: Any, proceed: Any) -> Any:
    group = backend(call).subnet_groups.get(call.params["DBSubnetGroupName"])
    for db in _users(call, group) if group else ():
        raise Refusal(
            "InvalidDBSubnetGroupStateFault",
            f"Cannot delete the subnet group '{group.name}' because at least one database instance: "
            f"{db.db_instance_identifier} is still using it.",
        )
    return proceed()


@correction(
    "rds.parameter-group-delete-in-use",
    fact="a DB parameter group cannot be deleted while an instance uses it",
    source="aws-semantics 3.15",
    around=("rds", "DeleteDBParameterGroup"),
)
def delete_parameter_group(call: Any, proceed: Any) -> Any:
    name = call.params["DBParameterGroupName"]
    if any(db.db_parameter_group_name == name for db in backend(call).databases.values()):
        raise Refusal(
            "InvalidDBParameterGroupState",
            f"One or more database instances are still members of this parameter group {name}, so the group cannot be "
            "deleted",
        )
    return proceed()


@correction(
    "rds.parameter-group-unknown",
    fact="describing a parameter group that does not exist is DBParameterGroupNotFound",
    source="aws-semantics 7.2; moto 4",
    around=("rds", "DescribeDBParameterGroups"),
)
def unknown_parameter_group(call: Any, proceed: Any) -> Any:
    name = call.params.get("DBParameterGroupName")
    if name and name not in backend(call).db_parameter_groups:
        raise Refusal("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    return proceed()


@correction(
    "rds.parameter-group-family",
    fact="the default parameter group of every family exists when an instance asks for it, and a group is of use only "
    "to its own family",
    source="aws-semantics 3.15; moto 4",
    around=[("rds", "CreateDBInstance"), ("rds", "ModifyDBInstance")],
)
def family(call: Any, proceed: Any) -> Any:
    rds, name = backend(call), call.params.get("DBParameterGroupName") or ""
    families = {engine + each for engine, known in VERSIONS.items() for each in known}
    wanted = name.removeprefix("default.")
    if name and name not in rds.db_parameter_groups and name.startswith("default.") and wanted in families:
        rds.db_parameter_groups[name] = DBParameterGroup(rds, name, f"Default parameter group for {wanted}", wanted)
    group = rds.db_parameter_groups.get(name)
    db = find(call, call.params["DBInstanceIdentifier"])
    modifying = call._get_action() == "ModifyDBInstance"
    engine = db.engine if db and modifying else call.params.get("Engine")
    version = call.params.get("EngineVersion") or (db.engine_version if db and modifying else None)
    if group and version and engine in VERSIONS and group.family != engine + version.rpartition(".")[0]:
        raise Refusal(
            "InvalidParameterCombination",
            f"The parameter group {name} with DBParameterGroupFamily {group.family} can't be used for this instance. "
            f"Please use a parameter group with DBParameterGroupFamily {engine}{version.rpartition('.')[0]}",
        )
    return proceed()


# Of the hundreds that take effect on reboot only, those that people set.
_STATIC = {
    "shared_buffers",
    "max_connections:postgres",
    "shared_preload_libraries",
    "wal_buffers",
    "max_worker_processes",
    "max_wal_senders",
    "max_replication_slots",
    "rds.logical_replication",
    "huge_pages",
    "autovacuum_max_workers",
    "innodb_log_file_size",
    "innodb_log_buffer_size:mysql",
    "performance_schema",
    "lower_case_table_names",
    "innodb_buffer_pool_instances",
    "skip_name_resolve",
    "log_bin_use_v1_row_events",
}


# Those that take effect at once, of every engine; AWS knows hundreds.
_DYNAMIC = {
    "postgres": {
        "log_min_duration_statement", "log_statement", "random_page_cost", "rds.force_ssl", "statement_timeout", "work_mem",
    },
    "mysql": {
        "character_set_server", "collation_server", "general_log", "innodb_buffer_pool_size", "long_query_time",
        "max_allowed_packet", "max_connections", "require_secure_transport", "slow_query_log", "sql_mode", "time_zone",
        "wait_timeout",
    },
}


def _engine(group: Any) -> str:
    return "postgres" if (group.family or "").startswith("postgres") else "mysql"


def _names(group: Any) -> set[str]:
    static = {name.split(":")[0] for name in _STATIC if name.partition(":")[2] in ("", _engine(group))}
    return static | _DYNAMIC[_engine(group)]


def _apply_type(group: Any, name: str) -> str:
    return "static" if name in _STATIC or f"{name}:{_engine(group)}" in _STATIC else "dynamic"


@correction(
    "rds.parameters",
    fact="DescribeDBParameters lists all of the family with ApplyType, of Source=user what was set; a static parameter "
    "takes pending-reboot only; 20 parameters a call; ResetDBParameterGroup takes them back",
    source="aws-semantics 3.15",
    around=("rds", "DescribeDBParameters"),
)
def describe_parameters(call: Any, proceed: Any) -> Any:
    name = call.params["DBParameterGroupName"]
    group = backend(call).db_parameter_groups.get(name)
    if group is None:
        raise Refusal("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    source = call.params.get("Source")
    listed = group.parameters if source in (None, "user") else {}
    if source in (None, "engine-default"):
        # Without a source all parameters of the family are listed, set or not.
        listed = {**dict.fromkeys(_names(group), {"Source": "engine-default"}), **listed}
    rows = [
        {
            "ParameterName": key,
            "Source": "user",
            "ApplyType": _apply_type(group, key),
            "DataType": "string",
            "IsModifiable": True,
            "ApplyMethod": "pending-reboot",
            **parameter,
        }
        for key, parameter in sorted(listed.items())
    ]
    size, start = int(call.params.get("MaxRecords") or 100), int(call.params.get("Marker") or 0)
    more = str(start + size) if start + size < len(rows) else None
    return ActionResult({"Parameters": rows[start : start + size], "Marker": more})


@also("rds.parameters", around=("rds", "ModifyDBParameterGroup"))
def modify_parameters(call: Any, proceed: Any) -> Any:
    name = call.params["DBParameterGroupName"]
    group = backend(call).db_parameter_groups.get(name)
    if group is None:
        return proceed()
    if name.startswith("default."):
        raise Refusal(
            "InvalidDBParameterGroupState", "Default DB parameter groups can't be modified. Create one of your own."
        )
    asked = call.params.get("Parameters") or []
    if len(asked) > 20:
        raise Refusal("InvalidParameterValue", "A maximum of 20 parameters can be modified in a single request.")
    _refuse_immediate(group, asked)
    answer = proceed()
    _await_reboot(call, group, any(p.get("ApplyMethod") == "pending-reboot" for p in asked))
    return answer


def _refuse_immediate(group: Any, asked: list[Any]) -> None:
    for parameter in asked:
        static = _apply_type(group, parameter["ParameterName"]) == "static"
        if static and parameter.get("ApplyMethod") == "immediate":
            raise Refusal("InvalidParameterCombination", "cannot use immediate apply method for static parameter")


@also("rds.parameters", around=("rds", "ResetDBParameterGroup"))
def reset_parameters(call: Any, proceed: Any) -> Any:
    name = call.params["DBParameterGroupName"]
    group = backend(call).db_parameter_groups.get(name)
    if group is None:
        raise Refusal("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    asked = call.params.get("Parameters") or []
    _refuse_immediate(group, asked)
    if call.params.get("ResetAllParameters") or not asked:
        group.parameters.clear()
    for parameter in asked:
        group.parameters.pop(parameter["ParameterName"], None)
    _await_reboot(call, group, not asked or any(p.get("ApplyMethod") == "pending-reboot" for p in asked))
    return ActionResult({"DBParameterGroupName": name})


def _await_reboot(call: Any, group: Any, needed: bool) -> None:
    for db in backend(call).databases.values():
        if needed and db.db_parameter_group_name == group.name:
            db.parameters_pending = True


@correction(
    "rds.parameters-pending-reboot",
    fact="an instance says pending-reboot of its parameter group until it is rebooted",
    source="aws-semantics 3.15",
    patch=(DBInstance, "db_parameter_group_status_list"),
)
def parameter_status(inner: Any, self: Any) -> Any:
    state = "pending-reboot" if getattr(self, "parameters_pending", False) else "in-sync"
    return [{"DBParameterGroupName": g.name, "ParameterApplyStatus": state} for g in self.db_parameter_groups()]


@also("rds.parameters-pending-reboot", around=("rds", "ModifyDBInstance"))
def other_group(call: Any, proceed: Any) -> Any:
    db = find(call, call.params["DBInstanceIdentifier"])
    before = db.db_parameter_groups()[0].name if db is not None else None
    answer = proceed()
    if db is not None and db.db_parameter_groups()[0].name != before:
        db.parameters_pending = True
    return answer
