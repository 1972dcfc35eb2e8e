"""The two logs: what the service says, and one line for each request at the gateway."""

from typing import Final

from troposphere import Ref, Sub, Template
from troposphere.logs import LogGroup

# Without the prefix, every API of the account adds to one resource policy of the logs service, which has a size limit.
_ACCESS_LOG: Final = "/aws/vendedlogs/${AWS::StackName}/access"
_SERVICE_LOG: Final = "/aws/lambda/${AWS::StackName}"


def add_log_groups(template: Template) -> None:
    """Add the logs, which go with the stack: a kept one would stand in the way of the next stack of that name."""
    for logical_id, name in {"ServiceLog": _SERVICE_LOG, "AccessLog": _ACCESS_LOG}.items():
        template.add_resource(
            LogGroup(
                logical_id,
                LogGroupName=Sub(name),
                RetentionInDays=Ref("LogRetentionDays"),
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Delete",
            )
        )
