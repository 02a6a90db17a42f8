"""CloudWatch alarms. The protocol of the Rust SDK is in `cbor`."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult

from .corrections import Refusal, also, backend, correction


@correction(
    "cloudwatch.alarm-tags-at-creation",
    fact="PutMetricAlarm applies Tags when it creates the alarm and ignores them when it updates one",
    source="aws-semantics 3.30",
    around=("cloudwatch", "PutMetricAlarm"),
)
def tags_at_creation(call: Any, proceed: Any) -> Any:
    if call.params["AlarmName"] in backend(call).alarms and "Tags" in call.params:
        del call.params["Tags"]
    return proceed()


@correction(
    "cloudwatch.alarm-insufficient-data",
    fact="an alarm begins in INSUFFICIENT_DATA; an update keeps the state it had",
    source="aws-semantics 3.30",
    around=("cloudwatch", "PutMetricAlarm"),
)
def insufficient_data(call: Any, proceed: Any) -> Any:
    alarms, name = backend(call).alarms, call.params["AlarmName"]
    before = alarms.get(name)
    answer = proceed()
    alarms[name].state_value = before.state_value if before else "INSUFFICIENT_DATA"
    return answer


@correction(
    "cloudwatch.alarm-tags-deleted",
    fact="the tags of an alarm go with it: one made later under its name has none, and what is not there has no list",
    source="aws-semantics 3.30, R1",
    around=("cloudwatch", "DeleteAlarms"),
)
def delete(call: Any, proceed: Any) -> Any:
    known = backend(call)
    gone = [known.alarms[name].alarm_arn for name in call.params.get("AlarmNames") or () if name in known.alarms]
    answer = proceed()
    for arn in gone:
        known.tagger.delete_all_tags_for_resource(arn)
    return answer


@also("cloudwatch.alarm-tags-deleted", around=("cloudwatch", "ListTagsForResource"))
def list_tags(call: Any, proceed: Any) -> Any:
    arn = call.params["ResourceARN"]
    if ":alarm:" in arn and all(alarm.alarm_arn != arn for alarm in backend(call).alarms.values()):
        raise Refusal("ResourceNotFoundException", f"Unknown alarm {arn.rpartition(':')[2]}")
    return proceed()


@correction(
    "cloudwatch.alarm-paging",
    fact="DescribeAlarms honours MaxRecords (50 unless told, 100 at most) and answers NextToken while there is more",
    source="aws-semantics 2; moto 5",
    around=("cloudwatch", "DescribeAlarms"),
)
def describe(call: Any, proceed: Any) -> Any:
    size, start = int(call.params.get("MaxRecords") or 50), int(call.params.get("NextToken") or 0)
    result = proceed().result
    rows = sorted(result["MetricAlarms"], key=lambda alarm: alarm.name)
    more = str(start + size) if start + size < len(rows) else None
    return ActionResult({**result, "MetricAlarms": rows[start : start + size], "NextToken": more})


@correction(
    "cloudwatch.alarm-checked",
    fact="the period of an alarm is 10, 20 or 30 seconds or a multiple of 60, and its actions are ARNs",
    source="CloudWatch API reference, PutMetricAlarm",
    around=("cloudwatch", "PutMetricAlarm"),
)
def check(call: Any, proceed: Any) -> Any:
    period = call.params.get("Period")
    if period is not None and int(period) not in (10, 20, 30) and (int(period) < 1 or int(period) % 60):
        raise Refusal("ValidationError", "Period must be 10, 20, 30 or a multiple of 60")
    for kind in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        for action in call.params.get(kind) or ():
            if not re.fullmatch(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*(:\d*)?:.+", action):
                raise Refusal("ValidationError", f"Invalid arn syntax: {action}")
    return proceed()
