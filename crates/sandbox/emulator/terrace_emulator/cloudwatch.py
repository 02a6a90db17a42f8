"""CloudWatch alarms. The protocol of the Rust SDK is in `cbor`."""

from __future__ import annotations

from typing import Any

from .corrections import backend, correction


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
