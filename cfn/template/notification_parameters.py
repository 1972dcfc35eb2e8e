"""The parameters of notifications and webhooks, which are off by default."""

from typing import Any


def notification_parameters(url: str) -> dict[str, dict[str, Any]]:
    """Return the parameters by name; `url` is the pattern of a URL."""
    return {
        "Notifications": {
            "Type": "String",
            "Default": "off",
            "AllowedValues": ["on", "off"],
            "Description": "Whether a bus is told what happens to registrations, which has a price.",
        },
        "RegistrationsStream": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "|[0-9T:.-]{19,40}",
            "ConstraintDescription": "A time, such as 2026-11-24T10:00:00.000, or empty.",
            "Description": "Label of the stream of the existing table RegistrationsTableName, for Notifications=on.",
        },
        "WebhookUrl": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": f"|{url}",
            "ConstraintDescription": "An https URL, or empty.",
            "Description": "URL that each notification is sent to as a signed webhook, with Notifications=on.",
        },
        "WebhookAttempts": {
            "Type": "Number",
            # With waits of up to an hour between them, the last is a day after the first.
            "Default": 33,
            "MinValue": 1,
            "MaxValue": 1000,
            "Description": "Attempts to deliver a webhook, at growing intervals, before it goes to the dead letters.",
        },
    }
