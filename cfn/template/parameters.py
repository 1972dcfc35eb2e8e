"""The parameters of the template, with defaults for a small service."""

from typing import Any, Final

from troposphere import AWSHelperFn, Join, Parameter, Ref, Template

from cfn.template.conditions import add_conditions
from cfn.template.limits import LIMITS
from cfn.template.notification_parameters import notification_parameters
from storage.schema import TABLES

#: The retention times that CloudWatch Logs accepts, in days.
_DAYS: Final = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3653]

#: https, or http on this machine, where an emulator runs the stack.
_URL: Final = r"(https://[!#-~]{1,1000}|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?(/[!#-~]{0,1000})?)"

#: Parameter name -> its specification in the template.
SPECS: Final[dict[str, dict[str, Any]]] = {
    "CodeBucket": {
        "Type": "String",
        "MinLength": 3,
        "MaxLength": 63,
        "Description": "Bucket of the package; set by `python -m cfn deploy`.",
    },
    "CodeKey": {
        "Type": "String",
        "MinLength": 1,
        "MaxLength": 1024,
        "Description": "Key of the package in the bucket, which is its content hash; set by `python -m cfn deploy`.",
    },
    "StageName": {
        "Type": "String",
        "Default": "prod",
        # The service could not tell a stage of such a name from the path below it, where a gateway strips the stage.
        "AllowedPattern": "(?!(docs|events|health|registrations|users)$)[A-Za-z0-9_-]{1,128}",
        "ConstraintDescription": "1 to 128 letters, digits, hyphens and underscores, not the first segment of a path.",
        "Description": "Stage of the API, which is the first segment of every path.",
    },
    "DomainName": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"|([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
        "ConstraintDescription": "A domain in small letters, such as api.example.com, or empty.",
        "Description": "Domain of your own for the API, with CertificateArn; empty has only the URL of the gateway.",
    },
    "CertificateArn": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"|arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-f0-9-]{36}",
        "ConstraintDescription": "The ARN of a certificate of ACM, or empty.",
        "Description": "Certificate of ACM for DomainName, in the region of the stack.",
    },
    "JwtIssuer": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": f"|{_URL}",
        "ConstraintDescription": "An https URL, exactly as the tokens have it in `iss`, or empty.",
        "Description": "Issuer of the access tokens that changes require, with JwtAudience; empty is open to anyone.",
    },
    "JwtAudience": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"[^\s\"]{0,1024}",
        "ConstraintDescription": "The `aud` of the tokens, or with Cognito the id of the client, or empty.",
        "Description": "Audience of the tokens, or ids of the clients that get them; several are separated by commas.",
    },
    "OrganizerScope": {
        "Type": "String",
        "Default": "events:organizer",
        "AllowedPattern": r"[!#-\[\]-~]{1,256}",
        "ConstraintDescription": "The name of a scope, a permission, a role or a group.",
        "Description": "What the tokens of organizers have as scope, permission, role or group.",
    },
    "AdminScope": {
        "Type": "String",
        "Default": "events:admin",
        "AllowedPattern": r"[!#-\[\]-~]{1,256}",
        "ConstraintDescription": "The name of a scope, a permission, a role or a group.",
        "Description": "What the tokens of administrators have, who may change the events of every organizer.",
    },
    "JwtJwksUri": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": f"|{_URL}",
        "ConstraintDescription": "An https URL, or empty.",
        "Description": "URL of the issuer's keys; empty takes it from the issuer's discovery document.",
    },
    **{
        f"{name}TableName": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "|[A-Za-z0-9_.-]{3,255}",
            "ConstraintDescription": "The name of a table, or empty.",
            "Description": f"Existing table to use as {name}, such as a restored one; empty makes a new one.",
        }
        for name in TABLES
    },
    **notification_parameters(_URL),
    "CorsOrigins": {
        "Type": "CommaDelimitedList",
        "Default": "*",
        "AllowedPattern": r"\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?",
        "ConstraintDescription": "`*`, or origins such as https://www.example.com, separated by commas.",
        "Description": "Origins that may call the API from a browser, separated by commas; * allows every origin.",
    },
    "Architecture": {
        "Type": "String",
        "Default": "arm64",
        "AllowedValues": ["arm64", "x86_64"],
        "Description": "Processor architecture of the package; set by `python -m cfn deploy`.",
    },
    "MemorySize": {
        "Type": "Number",
        "Default": 512,
        "MinValue": 256,
        "MaxValue": 10240,
        "Description": "Memory of the function in MB; CPU is allocated in proportion (1769 MB is one vCPU).",
    },
    "TimeoutSeconds": {
        "Type": "Number",
        "Default": 10,
        # A request keeps almost four seconds for its last calls and its answer; the rest is for promotions.
        "MinValue": 6,
        "MaxValue": 29,
        "Description": "Timeout of the function in seconds; the gateway itself times out after 30.",
    },
    "SnapStart": {
        "Type": "String",
        "Default": "None",
        "AllowedValues": ["PublishedVersions", "None"],
        "Description": "PublishedVersions starts from a snapshot of the initialised service, which has a price.",
    },
    "TrafficShift": {
        "Type": "String",
        # The alarm on 5xx needs up to twelve minutes: two of its periods, and the delay of metrics.
        "Default": "Canary10Percent15Minutes",
        "AllowedValues": [
            "AllAtOnce",
            *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
            "Linear10PercentEvery1Minute",
            *(f"Linear10PercentEvery{minutes}Minutes" for minutes in (2, 3, 10)),
        ],
        "Description": "How traffic moves to a new version; all but AllAtOnce go back if an alarm goes off meanwhile.",
    },
    "Tracing": {
        "Type": "String",
        "Default": "PassThrough",
        "AllowedValues": ["Active", "PassThrough"],
        "Description": "Active sends traces to X-Ray, which has a price.",
    },
    **LIMITS,
    "LogRetentionDays": {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": _DAYS,
        "Description": "Retention of both logs in days.",
    },
    "SystemLogLevel": {
        "Type": "String",
        # START, END and REPORT lines would double the log; metrics have the same figures, but for the memory in use.
        "Default": "WARN",
        "AllowedValues": ["DEBUG", "INFO", "WARN"],
        "Description": "Level of the lines that Lambda itself logs; INFO has the memory in use by each invocation.",
    },
    "LatencyAlarmMilliseconds": {
        "Type": "Number",
        "Default": 2000,
        "MinValue": 50,
        "MaxValue": 30000,
        "Description": "Threshold of the alarm on the 99th percentile of the gateway's latency, in milliseconds.",
    },
    "Alarms": {
        "Type": "String",
        "Default": "on",
        "AllowedValues": ["on", "off"],
        "Description": "Whether the stack has alarms and saved queries; a throw-away stack does not need any.",
    },
    "Canary": {
        "Type": "String",
        "Default": "off",
        "AllowedValues": ["on", "off"],
        "Description": "Whether a schedule asks for /health every five minutes, and an alarm watches the answers.",
    },
    "AlarmEmail": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"|[^@\s]+@[^@\s]+\.[^@\s]+",
        "ConstraintDescription": "An e-mail address, or empty.",
        "Description": "E-mail address for alarms, effective once the subscription is confirmed; empty sends nothing.",
    },
}

#: Parameter name -> default, as the string that CloudFormation uses; the location of the package has no default.
DEFAULTS: Final = {name: str(spec["Default"]) for name, spec in SPECS.items() if "Default" in spec}
NAMES: Final = tuple(SPECS)
#: They describe the package, and are set with it.
OF_THE_PACKAGE: Final = ("CodeBucket", "CodeKey", "Architecture")


def add_parameters(template: Template) -> None:
    """Add every parameter, and the conditions that depend on them."""
    for name, spec in SPECS.items():
        template.add_parameter(Parameter(name, **spec))
    add_conditions(template)


def cors_origins() -> AWSHelperFn:
    """Return the allowed origins as a comma-separated string."""
    return Join(",", Ref("CorsOrigins"))
