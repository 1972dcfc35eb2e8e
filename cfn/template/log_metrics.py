"""The metrics that CloudWatch counts in the two logs; each costs something only in months in which it counts."""

from typing import Final

from troposphere import Ref, Sub, Template
from troposphere.logs import MetricFilter, MetricTransformation

#: Namespace of these metrics.
NAMESPACE: Final = "EventsApi/${AWS::StackName}"

REGISTERED: Final = "Registered"
REFUSED: Final = "Refused"
HEALTHY: Final = "Healthy"
UNFINISHED: Final = "PromotionsLeftUnfinished"
STORE_BUSY: Final = "StoreBusy"
TOO_MANY_REQUESTS: Final = "TooManyRequests"

#: Matches the log line of a request by the contract's path, the method and, appended, the status.
_REGISTRATION: Final = (
    '($.route = "/registrations" || $.route = "/events/{eventId}/registrations") && $.method = "POST" && $.status = '
)

#: Metric -> the log in which it is counted, and the lines that count.
_COUNTED: Final = {
    REGISTERED: ("ServiceLog", f"{{ {_REGISTRATION}201 }}"),
    REFUSED: ("ServiceLog", f"{{ {_REGISTRATION}409 }}"),
    HEALTHY: ("ServiceLog", '{ $.route = "/health" && $.status = 200 }'),
    UNFINISHED: ("ServiceLog", '{ $.message = "a promotion is left unfinished*" }'),
    STORE_BUSY: ("ServiceLog", '{ $.error = "contention" }'),
    TOO_MANY_REQUESTS: ("AccessLog", '{ $.status = "429" }'),
}


def add_log_metrics(template: Template) -> None:
    """Add the filters that count the metrics."""
    for name, (log, pattern) in _COUNTED.items():
        metric = MetricTransformation(MetricNamespace=Sub(NAMESPACE), MetricName=name, MetricValue="1", Unit="Count")
        template.add_resource(
            MetricFilter(f"{name}Filter", LogGroupName=Ref(log), FilterPattern=pattern, MetricTransformations=[metric])
        )
