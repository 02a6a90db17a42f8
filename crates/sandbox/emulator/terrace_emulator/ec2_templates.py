"""Launch templates and their versions."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.utils import parse_user_data

from .corrections import Refusal, also, backend, correction


def _find(call: Any) -> Any:
    """The template a call names, or the refusal AWS has for an unknown id or name."""
    ec2 = backend(call)
    number, name = call.params.get("LaunchTemplateId"), call.params.get("LaunchTemplateName")
    if number and number not in ec2.launch_templates:
        raise Refusal(
            "InvalidLaunchTemplateId.NotFound",
            f"The specified launch template, with template ID {number}, does not exist.",
        )
    if name and name not in ec2.launch_template_name_to_ids:
        raise Refusal(
            "InvalidLaunchTemplateName.NotFoundException",
            f"The specified launch template, with template name {name}, does not exist.",
        )
    return ec2.launch_templates[number or ec2.launch_template_name_to_ids[name]]


@correction(
    "ec2.launch-template-unknown",
    fact="an unknown launch template is InvalidLaunchTemplateId.NotFound or "
    "InvalidLaunchTemplateName.NotFoundException",
    source="aws-semantics 3.10; moto 2",
    around=[("ec2", "DeleteLaunchTemplate"), ("ec2", "ModifyLaunchTemplate")],
)
def unknown(call: Any, proceed: Any) -> Any:
    if call.params.get("LaunchTemplateId") or call.params.get("LaunchTemplateName"):
        _find(call)
    return proceed()


@also("ec2.launch-template-unknown", around=("ec2", "DescribeLaunchTemplates"))
def describe_unknown(call: Any, proceed: Any) -> Any:
    for number in call.params.get("LaunchTemplateIds") or ():
        if number not in backend(call).launch_templates:
            raise Refusal(
                "InvalidLaunchTemplateId.NotFound",
                f"The specified launch template, with template ID {number}, does not exist.",
            )
    return proceed()


@correction(
    "ec2.launch-template-source-version",
    fact="a new version made from a SourceVersion has its data wherever the request says nothing",
    source="moto 2; EC2 API reference, CreateLaunchTemplateVersion",
    around=("ec2", "CreateLaunchTemplateVersion"),
)
def source_version(call: Any, proceed: Any) -> Any:
    template, asked = _find(call), call.params.get("LaunchTemplateData") or {}
    # moto reads user data as what it stores for a template, but not for a version.
    if asked.get("UserData"):
        asked["UserData"] = parse_user_data(asked["UserData"])
    if call.params.get("SourceVersion"):
        base = template.get_version(call.params["SourceVersion"]).data
        for key, value in base.items():
            if asked.get(key) is None and value is not None:
                asked[key] = copy.deepcopy(value)
    call.params["LaunchTemplateData"] = asked
    return proceed()


@correction(
    "ec2.launch-template-delete-versions",
    fact="DeleteLaunchTemplateVersions deletes versions other than the default; numbers are not used again",
    source="moto 2; EC2 API reference",
    around=("ec2", "DeleteLaunchTemplateVersions"),
)
def delete_versions(call: Any, proceed: Any) -> Any:
    template, gone, kept = _find(call), [], []
    for asked in call.params.get("Versions") or ():
        row = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "VersionNumber": int(asked)}
        found = next((v for v in template.versions if v.number == int(asked)), None)
        if found is None:
            problem = ("launchTemplateVersionDoesNotExist", f"Launch template version {asked} does not exist.")
        elif found.number == template.default_version_number:
            problem = ("unexpectedError", f"Launch template version {asked} is the default version.")
        else:
            template.versions.remove(found)
            gone.append(row)
            continue
        kept.append({**row, "ResponseError": {"Code": problem[0], "Message": problem[1]}})
    return ActionResult(
        {
            "SuccessfullyDeletedLaunchTemplateVersions": gone,
            "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
        }
    )


@also("ec2.launch-template-delete-versions", patch=(LaunchTemplate, "get_version"))
def get_version(inner: Any, self: Any, num: Any) -> Any:
    # moto takes the number of a version for its place in the list.
    if str(num).lower() == "$default":
        num = self.default_version_number
    if str(num).isdigit():
        found = next((v for v in self.versions if v.number == int(num)), None)
        return found or inner(self, len(self.versions) + 1)
    return inner(self, num)


@also("ec2.launch-template-delete-versions", patch=(LaunchTemplate, "default_version"))
def default_version(inner: Any, self: Any) -> Any:
    return self.get_version(self.default_version_number)


@also("ec2.launch-template-delete-versions", patch=(LaunchTemplate, "create_version"))
def create_version(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    highest = max([getattr(self, "highest", 0), *(v.number for v in self.versions)])
    version = inner(self, *args, **kwargs)
    version.number = self.highest = highest + 1
    return version


@correction(
    "ec2.launch-template-tags-apart",
    fact="the tags a launch template is made with are its own and no part of its data",
    source="EC2 API reference, CreateLaunchTemplate",
    patch=(LaunchTemplate, "create_version"),
)
def tags_apart(inner: Any, self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
    specs = [s for s in data.get("TagSpecifications") or () if s["ResourceType"] != "launch-template"]
    data = {key: value for key, value in data.items() if key != "TagSpecifications"}
    return inner(self, {**data, "TagSpecifications": specs} if specs else data, *args, **kwargs)
