"""The two log groups: the service's own log, and the access log of the gateway."""

from typing import Final

from troposphere import Ref, Sub, Template
from troposphere.logs import LogGroup

# Without this prefix, every API of the account adds to a resource policy of CloudWatch Logs that has a size limit.
_ACCESS_LOG: Final = "/aws/vendedlogs/${AWS::StackName}/access"
_SERVICE_LOG: Final = "/aws/lambda/${AWS::StackName}"


def add_log_groups(template: Template) -> None:
    """Add the log groups, deleted with the stack; otherwise a new stack of the same name could not create them."""
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
