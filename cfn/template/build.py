"""Puts the resource families together to one template."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from troposphere import Output, Ref, Template

from cfn.template.alarms import add_alarms
from cfn.template.api import add_api, api_url, docs_url
from cfn.template.dashboard import add_dashboard
from cfn.template.function import add_function, frozen_settings
from cfn.template.log_groups import add_log_groups
from cfn.template.parameters import DEFAULTS, add_parameters
from cfn.template.role import add_role
from cfn.template.tables import add_tables

#: Most bytes that CloudFormation takes as a template within a request.
BODY_LIMIT: Final = 51_200


def build(release: str, *, throw_away: bool = False) -> Template:
    """Return the template of the stack; see `release_of` for the release, which must be alphanumeric."""
    template = Template(Description="The Events API: HTTP API, Lambda function and three DynamoDB tables")
    template.set_version()
    add_parameters(template)
    add_tables(template, throw_away=throw_away)
    add_role(template)
    add_log_groups(template)
    add_function(template, release)
    add_api(template)
    add_alarms(template)
    add_dashboard(template)
    template.add_output(
        [
            Output("ApiUrl", Description="Where the API answers", Value=api_url()),
            Output("DocsUrl", Description="Swagger UI for people", Value=docs_url()),
            Output("FunctionName", Description="The Lambda function", Value=Ref("Function")),
            Output("LogGroup", Description="The service's log", Value=Ref("ServiceLog")),
        ]
    )
    return template


def release_of(parameters: Mapping[str, str]) -> str:
    """Return a name for what a published version freezes: it changes if, and only if, Lambda would see a new version.

    Lambda refuses to publish a version that equals the one before, so parameters that the function does not depend on
    take no part. The code does by its key in the bucket, which is its content hash.
    """
    settings = json.dumps(frozen_settings(), sort_keys=True)
    chosen = {name: value for name, value in {**DEFAULTS, **parameters}.items() if f'{{"Ref": "{name}"}}' in settings}
    return hashlib.sha256(json.dumps([settings, chosen], sort_keys=True).encode()).hexdigest()[:12]
