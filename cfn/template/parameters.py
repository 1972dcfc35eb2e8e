"""What may be chosen at each deployment; the defaults stay within the free tier where there is one."""

from typing import Any, Final

from troposphere import And, AWSHelperFn, Condition, Equals, If, Join, Not, NoValue, Parameter, Ref, Template

_RETENTION_DAYS: Final = [
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3653,
]

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "CodeBucket": {
        "Type": "String",
        "MinLength": 3,
        "MaxLength": 63,
        "Description": "Bucket that holds the package; `python -m cfn deploy` sets it.",
    },
    "CodeKey": {
        "Type": "String",
        "MinLength": 1,
        "MaxLength": 1024,
        "Description": "Key of the package in the bucket, its content hash; `python -m cfn deploy` sets it.",
    },
    "StageName": {
        "Type": "String",
        "Default": "prod",
        "AllowedPattern": "[A-Za-z0-9_-]{1,128}",
        "ConstraintDescription": "1 to 128 letters, digits, hyphens and underscores.",
        "Description": "Stage of the API: the first segment of every path.",
    },
    "CorsOrigins": {
        "Type": "CommaDelimitedList",
        "Default": "*",
        "AllowedPattern": r"\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?",
        "ConstraintDescription": "`*`, or origins such as https://www.example.com, separated by commas.",
        "Description": "Origins whose pages may call the API from a browser, comma-separated; * is any.",
    },
    "Architecture": {
        "Type": "String",
        "Default": "arm64",
        "AllowedValues": ["arm64", "x86_64"],
        "Description": "Processor of the function; it must be that of the wheels in the package.",
    },
    "MemorySize": {
        "Type": "Number",
        "Default": 512,
        "MinValue": 256,
        "MaxValue": 10240,
        "Description": "Memory of the function in MB; its share of a processor grows with it (1769 MB is one).",
    },
    "TimeoutSeconds": {
        "Type": "Number",
        "Default": 10,
        "MinValue": 3,
        "MaxValue": 29,
        "Description": "Longest run of one request in seconds; the gateway itself gives up after 30.",
    },
    "SnapStart": {
        "Type": "String",
        "Default": "PublishedVersions",
        "AllowedValues": ["PublishedVersions", "None"],
        "Description": "Start from a snapshot of the initialised service, kept for a fee, or from nothing.",
    },
    "ReservedConcurrency": {
        "Type": "Number",
        "Default": -1,
        "MinValue": -1,
        "MaxValue": 1000,
        "Description": "Most requests served at a time; -1 shares the account's limit, 0 switches the service off.",
    },
    "ValidateResponses": {
        "Type": "String",
        "Default": "0",
        "AllowedValues": ["0", "1"],
        "Description": "1 makes the service check its own answers against the contract, for stacks that are tested.",
    },
    "ThrottleRate": {
        "Type": "Number",
        "Default": 100,
        "MinValue": 1,
        "MaxValue": 10000,
        "Description": "Requests a second, over all callers, above which the gateway answers 429.",
    },
    "ThrottleBurst": {
        "Type": "Number",
        "Default": 200,
        "MinValue": 1,
        "MaxValue": 5000,
        "Description": "Requests at once that the gateway lets through above the rate.",
    },
    "LogRetentionDays": {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": _RETENTION_DAYS,
        "Description": "Days for which the logs are kept.",
    },
    "LatencyAlarmMilliseconds": {
        "Type": "Number",
        "Default": 2000,
        "MinValue": 50,
        "MaxValue": 30000,
        "Description": "99th percentile of the gateway's latency in milliseconds above which the alarm goes off.",
    },
    "Alarms": {
        "Type": "String",
        "Default": "on",
        "AllowedValues": ["on", "off"],
        "Description": "Whether the stack has alarms; a throw-away one can do without.",
    },
    "AlarmEmail": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"|[^@\s]+@[^@\s]+\.[^@\s]+",
        "ConstraintDescription": "An e-mail address, or nothing.",
        "Description": "Address that the alarms write to once it has confirmed the subscription; empty sends nothing.",
    },
}

#: Parameter name -> default as CloudFormation hands it on; the two without a default are the package's address.
DEFAULTS: Final = {name: str(spec["Default"]) for name, spec in _PARAMETERS.items() if "Default" in spec}
NAMES: Final = tuple(_PARAMETERS)

ALARMS_ARE_ON: Final = "AlarmsAreOn"
ALARMS_HAVE_A_READER: Final = "AlarmsHaveAReader"
CONCURRENCY_IS_RESERVED: Final = "ConcurrencyIsReserved"


def add_parameters(template: Template) -> None:
    """Declare every parameter, and the conditions that follow from them."""
    for name, spec in _PARAMETERS.items():
        template.add_parameter(Parameter(name, **spec))
    template.add_condition(ALARMS_ARE_ON, Equals(Ref("Alarms"), "on"))
    template.add_condition(ALARMS_HAVE_A_READER, And(Condition(ALARMS_ARE_ON), Not(Equals(Ref("AlarmEmail"), ""))))
    template.add_condition(CONCURRENCY_IS_RESERVED, Not(Equals(Ref("ReservedConcurrency"), "-1")))


def only_if(condition: str, value: AWSHelperFn) -> AWSHelperFn:
    """Return the value where the condition holds, and leave the property out elsewhere."""
    return If(condition, value, NoValue)


def cors_origins() -> AWSHelperFn:
    """Return the allowed origins as one comma-separated text."""
    return Join(",", Ref("CorsOrigins"))
