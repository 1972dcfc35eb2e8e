"""Combines the resource families into the template."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from troposphere import Output, Ref, Template

from cfn.template.alarms import add_alarms
from cfn.template.api import add_api, api_url, docs_url
from cfn.template.budget import add_budget
from cfn.template.canary import add_canary
from cfn.template.dashboard import add_dashboard
from cfn.template.domain import add_domain
from cfn.template.function import add_function, frozen_settings
from cfn.template.log_groups import add_log_groups
from cfn.template.log_metrics import add_log_metrics
from cfn.template.notification_alarms import add_notification_alarms
from cfn.template.notifications import add_notifications
from cfn.template.parameters import DEFAULTS, add_parameters
from cfn.template.queries import add_queries
from cfn.template.release import add_release
from cfn.template.role import add_role
from cfn.template.tables import add_tables
from cfn.template.webhooks import add_webhooks

#: Maximum size in bytes of a template that is sent within a request to CloudFormation.
BODY_LIMIT: Final = 51_200


def build_template(release: str, *, throw_away: bool = False) -> Template:
    """Return the template; `release`, from `release_id`, must be alphanumeric."""
    template = Template(Description="The Events API: HTTP API, Lambda function and three DynamoDB tables")
    template.set_version()
    add_parameters(template)
    add_tables(template, throw_away=throw_away)
    add_role(template)
    add_log_groups(template)
    add_function(template, release)
    add_release(template)
    add_api(template)
    add_domain(template)
    add_log_metrics(template)
    add_alarms(template)
    add_queries(template)
    add_canary(template)
    add_budget(template)
    add_notifications(template)
    add_webhooks(template)
    add_notification_alarms(template)
    add_dashboard(template)
    template.add_output(
        [
            Output("ApiUrl", Description="URL of the API", Value=api_url()),
            Output("DocsUrl", Description="URL of Swagger UI", Value=docs_url()),
            Output("FunctionName", Description="Name of the Lambda function", Value=Ref("Function")),
            Output("LogGroup", Description="Name of the service's log group", Value=Ref("ServiceLog")),
        ]
    )
    return template


def release_id(parameters: Mapping[str, str]) -> str:
    """Return a hash of everything that a published version freezes: the function's configuration and its code.

    Lambda refuses to publish a version that equals the previous one, so parameters that the function does not depend
    on are left out. The code is represented by its key in the bucket, which is its content hash.
    """
    settings = json.dumps(frozen_settings(), sort_keys=True)
    chosen = {name: value for name, value in {**DEFAULTS, **parameters}.items() if f'{{"Ref": "{name}"}}' in settings}
    return hashlib.sha256(json.dumps([settings, chosen], sort_keys=True).encode()).hexdigest()[:12]
