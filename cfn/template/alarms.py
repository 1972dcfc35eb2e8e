"""The alarms of the service, on nine metrics, or ten with the canary. `cfn/README.md` says for each what to do."""

from typing import Any, Final

from troposphere import AWSHelperFn, Ref, Sub, Template
from troposphere.cloudwatch import Alarm, Metric, MetricDataQuery, MetricDimension, MetricStat
from troposphere.sns import Subscription, Topic, TopicPolicy

from cfn.template.conditions import ALARMS_ARE_ON, ALARMS_HAVE_A_READER, HEALTH_IS_WATCHED, only_if
from cfn.template.log_metrics import HEALTHY, NAMESPACE, STORE_BUSY, TOO_MANY_REQUESTS, UNFINISHED
from cfn.template.role import document

#: Length of a metric period in seconds.
_PERIOD: Final = 300
_API: Final = {"ApiId": Ref("Api"), "Stage": Ref("StageName")}
_FUNCTION: Final = {"FunctionName": Ref("Function")}


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
    template.add_resource(
        TopicPolicy(
            "AlarmTopicPolicy",
            Condition=ALARMS_HAVE_A_READER,
            Topics=[Ref("AlarmTopic")],
            PolicyDocument=document(*_topic_statements()),
        )
    )
    for alarm in (
        _server_errors(),
        _slow_answers(),
        _unfinished_promotions(),
        _silence(),
        _sum("FunctionErrors", "The function crashed or timed out.", "AWS/Lambda", "Errors", _FUNCTION),
        _sum("FunctionThrottles", "Lambda ran out of concurrency.", "AWS/Lambda", "Throttles", _FUNCTION),
        # Throttled calls that are repeated in time are on the dashboard, by table and index; these here reached people.
        _sum("StoreBusy", "The tables are too busy for some requests, which got 503.", Sub(NAMESPACE), STORE_BUSY, {}),
        _sum(
            "TooManyRequests",
            "The gateway refused more than 100 requests, 429.",
            Sub(NAMESPACE),
            TOO_MANY_REQUESTS,
            {},
            threshold=100,
        ),
    ):
        template.add_resource(alarm)


def watch(name: str, text: str, *, condition: str = ALARMS_ARE_ON, **properties: Any) -> Alarm:
    """Return an alarm that leads to its part of the runbook, and mails if there is an address."""
    topic = only_if(ALARMS_HAVE_A_READER, Ref("AlarmTopic"))
    return Alarm(
        f"{name}Alarm",
        Condition=condition,
        AlarmDescription=Sub(f"${{AWS::StackName}}: {text} What to do: cfn/README.md#{name.lower()}"),
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
        **properties,
    )


def of_metric(namespace: str | AWSHelperFn, metric: str, dimensions: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of an alarm on one metric."""
    return {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": _dimensions(dimensions),
        "Period": _PERIOD,
    }


def _topic_statements() -> list[dict[str, Any]]:
    topic = {"Action": "sns:Publish", "Resource": Ref("AlarmTopic")}
    cloudwatch = {"Principal": {"Service": "cloudwatch.amazonaws.com"}}
    own_account = {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}}
    without_tls = {"Bool": {"aws:SecureTransport": "false"}}
    return [
        {"Sid": "Alarms", "Effect": "Allow", **cloudwatch, **topic, "Condition": own_account},
        {"Sid": "OnlyWithTls", "Effect": "Deny", "Principal": "*", **topic, "Condition": without_tls},
    ]


def _server_errors() -> Alarm:
    rate = MetricDataQuery(Id="rate", Expression="100 * errors / requests", Label="5xx in percent", ReturnData=True)
    queries = [
        _query("errors", "AWS/ApiGateway", "5xx", _API),
        _query("requests", "AWS/ApiGateway", "Count", _API),
        rate,
    ]
    text = "More than 1 % of the responses were 5xx."
    return watch("ServerErrors", text, Metrics=queries, Threshold=1, EvaluationPeriods=3, DatapointsToAlarm=2)


def _slow_answers() -> Alarm:
    return watch(
        "SlowAnswers",
        "The 99th percentile of the latency is above LatencyAlarmMilliseconds.",
        **of_metric("AWS/ApiGateway", "Latency", _API),
        ExtendedStatistic="p99",
        # With few requests, the slowest one would be the percentile.
        EvaluateLowSampleCountPercentile="ignore",
        Threshold=Ref("LatencyAlarmMilliseconds"),
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
    )


def _unfinished_promotions() -> Alarm:
    queries = [
        _query("logged", Sub(NAMESPACE), UNFINISHED, {}),
        # Lambda gave up an invocation that continues a promotion.
        _query("dropped", "AWS/Lambda", "AsyncEventsDropped", _FUNCTION),
        MetricDataQuery(Id="all", Expression="SUM(FILL(METRICS(), 0))", Label="unfinished", ReturnData=True),
    ]
    text = "People may wait beside free seats, and nobody promotes them."
    return watch("UnfinishedPromotions", text, Metrics=queries, Threshold=0, EvaluationPeriods=1)


def _silence() -> Alarm:
    alarm = _sum("Health", "The canary gets no healthy answer.", Sub(NAMESPACE), HEALTHY, {}, threshold=1)
    alarm.Condition = HEALTH_IS_WATCHED
    alarm.ComparisonOperator = "LessThanThreshold"
    alarm.TreatMissingData = "breaching"
    alarm.EvaluationPeriods = 3
    return alarm


def _sum(  # noqa: PLR0913 - what an alarm needs
    name: str,
    text: str,
    namespace: str | AWSHelperFn,
    metric: str,
    dimensions: dict[str, Any],
    threshold: int = 0,
) -> Alarm:
    found = of_metric(namespace, metric, dimensions)
    return watch(name, text, **found, Statistic="Sum", Threshold=threshold, EvaluationPeriods=1)


def _query(identifier: str, namespace: str | AWSHelperFn, metric: str, dimensions: dict[str, Any]) -> MetricDataQuery:
    source = Metric(Namespace=namespace, MetricName=metric, Dimensions=_dimensions(dimensions))
    return MetricDataQuery(
        Id=identifier, MetricStat=MetricStat(Metric=source, Period=_PERIOD, Stat="Sum"), ReturnData=False
    )


def _dimensions(values: dict[str, Any]) -> list[MetricDimension]:
    return [MetricDimension(Name=name, Value=value) for name, value in values.items()]
