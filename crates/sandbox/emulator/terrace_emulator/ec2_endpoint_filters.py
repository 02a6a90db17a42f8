"""VPC endpoints: by what they can be looked for."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.vpcs import VPCEndPoint

from .corrections import correction

_FILTERS = {"vpc-endpoint-id": "id", "vpc-id": "vpc_id", "service-name": "service_name"}


@correction(
    "ec2.endpoint-filters",
    fact="DescribeVpcEndpoints filters by the endpoint's id, its service and its VPC",
    source="EC2 API reference, DescribeVpcEndpoints",
    patch=(VPCEndPoint, "get_filter_value"),
)
def filters(inner: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
    if filter_name in _FILTERS:
        return getattr(self, _FILTERS[filter_name])
    return inner(self, filter_name, method_name)
