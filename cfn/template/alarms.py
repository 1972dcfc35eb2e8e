"""The alarms: 5xx and slow responses, function errors and throttles, unfinished promotions, throttled tables."""

from typing import Any, Final

from troposphere import AWSHelperFn, Ref, Sub, Template
from troposphere.cloudwatch import Alarm, Metric, MetricDataQuery, MetricDimension, MetricStat
from troposphere.logs import MetricFilter, MetricTransformation
from troposphere.sns import Subscription, Topic

from cfn.template.log_groups import OWN_NAMESPACE
from cfn.template.parameters import ALARMS_ARE_ON, ALARMS_HAVE_A_READER, only_if
from cfn.template.tables import LOGICAL_IDS
from storage.schema import TABLES

#: Length of a metric period in seconds.
_PERIOD: Final = 300

#: Name of the metric that counts the log lines of promotions that have no owner.
_UNFINISHED: Final = "PromotionsLeftUnfinished"


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
    template.add_resource(_unfinished_promotions_filter())
    for alarm in (
        _server_errors(),
        _slow_answers(),
        *_function_alarms(),
        _unfinished_promotions(),
        *_throttled_tables(),
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


def _unfinished_promotions_filter() -> MetricFilter:
    metric = MetricTransformation(
        MetricNamespace=Sub(OWN_NAMESPACE), MetricName=_UNFINISHED, MetricValue="1", Unit="Count"
    )
    return MetricFilter(
        "UnfinishedPromotionsFilter",
        LogGroupName=Ref("ServiceLog"),
        FilterPattern='{ $.message = "a promotion is left unfinished*" }',
        MetricTransformations=[metric],
    )


def _unfinished_promotions() -> Alarm:
    return _alarm(
        "UnfinishedPromotionsAlarm",
        "People may wait beside free seats, and nobody promotes them; run the audit (storage/README.md).",
        Metrics=[
            _query("logged", Sub(OWN_NAMESPACE), _UNFINISHED, {}),
            # Lambda gave up an invocation that continues a promotion.
            _query("dropped", "AWS/Lambda", "AsyncEventsDropped", {"FunctionName": Ref("Function")}),
            MetricDataQuery(Id="all", Expression="SUM(FILL(METRICS(), 0))", Label="unfinished", ReturnData=True),
        ],
        Threshold=0,
        EvaluationPeriods=1,
    )


def _throttled_tables() -> list[Alarm]:
    return [
        _alarm(
            f"{name}ThrottledAlarm",
            f"DynamoDB throttles {name}: a partition is over its limit, or the account is.",
            Metrics=[
                *_throttle_queries(name),
                # The metric has no data for an index or a direction that is not throttled.
                MetricDataQuery(Id="all", Expression="SUM(FILL(METRICS(), 0))", Label="throttled", ReturnData=True),
            ],
            Threshold=0,
            EvaluationPeriods=1,
        )
        for name in TABLES
    ]


def _throttle_queries(name: str) -> list[MetricDataQuery]:
    table = {"TableName": Ref(LOGICAL_IDS[name])}
    indexes = [index["IndexName"] for index in TABLES[name].get("GlobalSecondaryIndexes", ())]
    sources = {"table": table, **{index: {**table, "GlobalSecondaryIndexName": index} for index in indexes}}
    return [
        _query(f"{source}{direction}", "AWS/DynamoDB", f"{direction}ThrottleEvents", dimensions)
        for source, dimensions in sources.items()
        for direction in ("Read", "Write")
    ]


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
