"""The alarms, on nine metrics: ten are free.

5xx and slow responses, function errors and throttles, unfinished promotions, and requests that the gateway or the
store turned away.
"""

from typing import Any, Final

from troposphere import AWSHelperFn, Ref, Sub, Template
from troposphere.cloudwatch import Alarm, Metric, MetricDataQuery, MetricDimension, MetricStat
from troposphere.sns import Subscription, Topic

from cfn.template.conditions import ALARMS_ARE_ON, ALARMS_HAVE_A_READER, only_if
from cfn.template.log_metrics import NAMESPACE, STORE_BUSY, TOO_MANY_REQUESTS, UNFINISHED

#: Length of a metric period in seconds.
_PERIOD: Final = 300


def add_alarms(template: Template) -> None:
    """Add the alarms, and the topic that mails them to `AlarmEmail` if it is set."""
    template.add_resource(
        Topic(
            "AlarmTopic",
            Condition=ALARMS_HAVE_A_READER,
            DisplayName=Ref("AWS::StackName"),
            Subscription=[Subscription(Protocol="email", Endpoint=Ref("AlarmEmail"))],
        )
    )
    for alarm in (
        _server_errors(),
        _slow_answers(),
        *_function_alarms(),
        _unfinished_promotions(),
        _too_many_requests(),
        _busy_store(),
    ):
        template.add_resource(alarm)


def _server_errors() -> Alarm:
    api = {"ApiId": Ref("Api"), "Stage": Ref("StageName")}
    return _alarm(
        "ServerErrorsAlarm",
        "More than 1 % of the responses were 5xx in two of three periods of five minutes; the log has the causes.",
        Metrics=[
            _query("errors", "AWS/ApiGateway", "5xx", api),
            _query("requests", "AWS/ApiGateway", "Count", api),
            MetricDataQuery(Id="rate", Expression="100 * errors / requests", Label="5xx in percent", ReturnData=True),
        ],
        Threshold=1,
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
    )


def _slow_answers() -> Alarm:
    return _alarm(
        "SlowAnswersAlarm",
        "The 99th percentile of the latency is above LatencyAlarmMilliseconds; the traces show where the time goes.",
        Namespace="AWS/ApiGateway",
        MetricName="Latency",
        Dimensions=_dimensions({"ApiId": Ref("Api"), "Stage": Ref("StageName")}),
        ExtendedStatistic="p99",
        # With few requests, their slowest one would be the percentile.
        EvaluateLowSampleCountPercentile="ignore",
        Period=_PERIOD,
        Threshold=Ref("LatencyAlarmMilliseconds"),
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
    )


def _function_alarms() -> list[Alarm]:
    failures = {
        "Errors": "The function crashed or timed out; run the audit, as people may wait beside free seats.",
        "Throttles": "Lambda throttled the function: its reserved concurrency or the account's concurrency is used up.",
    }
    return [
        _alarm(
            f"Function{metric}Alarm",
            description,
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=_dimensions({"FunctionName": Ref("Function")}),
            Statistic="Sum",
            Period=_PERIOD,
            Threshold=0,
            EvaluationPeriods=1,
        )
        for metric, description in failures.items()
    ]


def _unfinished_promotions() -> Alarm:
    return _alarm(
        "UnfinishedPromotionsAlarm",
        "People may wait beside free seats, and nobody promotes them; run the audit (storage/README.md).",
        Metrics=[
            _query("logged", Sub(NAMESPACE), UNFINISHED, {}),
            # Lambda gave up an invocation that continues a promotion.
            _query("dropped", "AWS/Lambda", "AsyncEventsDropped", {"FunctionName": Ref("Function")}),
            MetricDataQuery(Id="all", Expression="SUM(FILL(METRICS(), 0))", Label="unfinished", ReturnData=True),
        ],
        Threshold=0,
        EvaluationPeriods=1,
    )


def _too_many_requests() -> Alarm:
    return _alarm(
        "TooManyRequestsAlarm",
        "The gateway answered 429: traffic is above ThrottleRate or RegistrationThrottleRate.",
        Namespace=Sub(NAMESPACE),
        MetricName=TOO_MANY_REQUESTS,
        Statistic="Sum",
        Period=_PERIOD,
        Threshold=100,
        EvaluationPeriods=1,
    )


def _busy_store() -> Alarm:
    # Throttled calls that are repeated in time are on the dashboard, by table and index; these here reached people.
    return _alarm(
        "BusyStoreAlarm",
        "Requests were refused, 503, as a table is throttled or too many people change one event at once.",
        Namespace=Sub(NAMESPACE),
        MetricName=STORE_BUSY,
        Statistic="Sum",
        Period=_PERIOD,
        Threshold=0,
        EvaluationPeriods=1,
    )


def _alarm(name: str, description: str, **properties: Any) -> Alarm:
    topic = only_if(ALARMS_HAVE_A_READER, Ref("AlarmTopic"))
    return Alarm(
        name,
        Condition=ALARMS_ARE_ON,
        AlarmDescription=Sub(f"${{AWS::StackName}}: {description}"),
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
        **properties,
    )


def _query(identifier: str, namespace: str | AWSHelperFn, metric: str, dimensions: dict[str, Any]) -> MetricDataQuery:
    source = Metric(Namespace=namespace, MetricName=metric, Dimensions=_dimensions(dimensions))
    return MetricDataQuery(
        Id=identifier, MetricStat=MetricStat(Metric=source, Period=_PERIOD, Stat="Sum"), ReturnData=False
    )


def _dimensions(values: dict[str, Any]) -> list[MetricDimension]:
    return [MetricDimension(Name=name, Value=value) for name, value in values.items()]
