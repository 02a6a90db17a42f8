"""What moto works out anew for each request though it is always the same, worked out once; what it searches, looked up.

No fact about AWS, and no answer differs by it; without it a request takes half as long again.
"""

from __future__ import annotations

import functools
from typing import Any


def install() -> None:
    """Called once, when all actions are known."""
    from moto.core import responses
    from moto.core.serialize import XFormedAttributePicker
    from moto.ec2.models.core import TaggedEC2Resource
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    # Which service a host is of: moto lists its own folder for that, twice a request, and tries a pattern a service.
    of_host = DomainDispatcherApplication.get_backend_for_host
    DomainDispatcherApplication.get_backend_for_host = functools.lru_cache(maxsize=1024)(of_host)
    # What actions a service has: moto looks at every member of a class.
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    XFormedAttributePicker.get_possible_keys = once(XFormedAttributePicker.get_possible_keys)
    TaggedEC2Resource.get_tags = tags_of


def once(names: Any) -> Any:
    """By what names a member of an answer may be called in moto's models: by shape, name and class always the same."""
    known: dict[tuple[Any, str, type], tuple[str, ...]] = {}

    def possible_keys(picker: Any, context: Any) -> tuple[str, ...]:
        what = (context.shape, context.key, type(context.obj))
        found = known.get(what)
        if found is None:
            found = known[what] = tuple(dict.fromkeys(names(picker, context)))
        return found

    return possible_keys


def tags_of(resource: Any) -> list[dict[str, str]]:
    """The tags of one thing in EC2: moto looks at those of all things for it, by a pattern made of the id."""
    from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

    own = resource.ec2_backend.tags.get(resource.id) if resource.id else None
    if not own:
        return []
    of = {"resource_id": resource.id, "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource.id), "")}
    return [{**of, "key": key, "value": value} for key, value in own.items()]
