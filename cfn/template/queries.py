"""Queries of CloudWatch Logs Insights, saved under the name of the stack, for the runbook in `cfn/README.md`."""

from textwrap import dedent
from typing import Final

from troposphere import Ref, Sub, Template
from troposphere.logs import QueryDefinition

from cfn.template.conditions import ALARMS_ARE_ON

#: Logical id -> name, log, and query.
_QUERIES: Final = {
    "FailuresQuery": (
        "failures",
        "ServiceLog",
        """
        fields @timestamp, route, method, status, error, message, traceback, request_id, lambda_version
        | filter level = "ERROR" or level = "WARNING" or status >= 500
        | sort @timestamp desc
        | limit 100
        """,
    ),
    "AnswersQuery": (
        "answers",
        "ServiceLog",
        """
        filter message = "request"
        | stats count(*) as answers by route, method, status, error
        | sort answers desc
        """,
    ),
    "SlownessQuery": (
        "slowness",
        "ServiceLog",
        """
        filter message = "request"
        | stats count(*) as answers, pct(duration_ms, 50) as p50, pct(duration_ms, 99) as p99, max(duration_ms) as most
          by route, method, lambda_version
        | sort p99 desc
        """,
    ),
    "RequestQuery": (
        "one request",
        "ServiceLog",
        """
        fields @timestamp, @message
        | filter request_id = "ID" or lambda_request_id = "ID"
        | sort @timestamp
        """,
    ),
    "PromotionsQuery": (
        "promotions",
        "ServiceLog",
        """
        fields @timestamp, message, lambda_request_id
        | filter message like "promotion"
        | sort @timestamp desc
        """,
    ),
    "CallersQuery": (
        "callers who are refused",
        "AccessLog",
        """
        filter status = "429"
        | stats count(*) as refused by ip, route
        | sort refused desc
        | limit 20
        """,
    ),
    "MemoryQuery": (
        "memory, with SystemLogLevel=INFO",
        "ServiceLog",
        """
        filter type = "platform.report"
        | stats count(*) as invocations, count(record.metrics.initDurationMs) as cold_starts,
          max(record.metrics.maxMemoryUsedMB) as used_mb, max(record.metrics.memorySizeMB) as size_mb,
          pct(record.metrics.durationMs, 99) as p99
        """,
    ),
}


def add_queries(template: Template) -> None:
    """Add the queries, beside the alarms that need them."""
    for logical_id, (name, log, query) in _QUERIES.items():
        template.add_resource(
            QueryDefinition(
                logical_id,
                Condition=ALARMS_ARE_ON,
                Name=Sub(f"${{AWS::StackName}}/{name}"),
                LogGroupNames=[Ref(log)],
                QueryString=dedent(query).strip(),
            )
        )
