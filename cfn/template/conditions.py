"""The conditions of the template, and the rules that its parameters must follow together."""

from typing import Final

from troposphere import And, AWSHelperFn, AWSProperty, Condition, Equals, If, Not, NoValue, Or, Ref, Template

from storage.schema import TABLES

ALARMS_ARE_ON: Final = "AlarmsAreOn"
ALARMS_HAVE_A_READER: Final = "AlarmsHaveAReader"
BUDGET_IS_SET: Final = "BudgetIsSet"
CANARY_IS_ON: Final = "CanaryIsOn"
CONCURRENCY_IS_RESERVED: Final = "ConcurrencyIsReserved"
HEALTH_IS_WATCHED: Final = "HealthIsWatched"
HAS_DOMAIN: Final = "HasDomain"
KEYS_HAVE_AN_ADDRESS: Final = "KeysHaveAnAddress"
NOTIFICATIONS_ARE_ON: Final = "NotificationsAreOn"
NOTIFICATIONS_ARE_WATCHED: Final = "NotificationsAreWatched"
TOKENS_ARE_REQUIRED: Final = "TokensAreRequired"
TRACING_IS_ON: Final = "TracingIsOn"
TRAFFIC_SHIFTS_GRADUALLY: Final = "TrafficShiftsGradually"
WEBHOOKS_ARE_ON: Final = "WebhooksAreOn"
WEBHOOKS_ARE_WATCHED: Final = "WebhooksAreWatched"


def add_conditions(template: Template) -> None:
    """Add every condition and rule."""
    has_address = Not(Equals(Ref("AlarmEmail"), ""))
    without_budget = Equals(Ref("MonthlyBudget"), "0")
    template.add_condition(ALARMS_ARE_ON, Equals(Ref("Alarms"), "on"))
    template.add_condition(ALARMS_HAVE_A_READER, And(Condition(ALARMS_ARE_ON), has_address))
    template.add_condition(BUDGET_IS_SET, Not(without_budget))
    template.add_condition(CANARY_IS_ON, Equals(Ref("Canary"), "on"))
    template.add_condition(HEALTH_IS_WATCHED, And(Condition(ALARMS_ARE_ON), Condition(CANARY_IS_ON)))
    template.add_condition(CONCURRENCY_IS_RESERVED, Not(Equals(Ref("ReservedConcurrency"), "-1")))
    template.add_condition(HAS_DOMAIN, And(Not(Equals(Ref("DomainName"), "")), Not(Equals(Ref("CertificateArn"), ""))))
    gradual = Not(Equals(Ref("TrafficShift"), "AllAtOnce"))
    template.add_condition(TRAFFIC_SHIFTS_GRADUALLY, And(Condition(ALARMS_ARE_ON), gradual))
    template.add_condition(TRACING_IS_ON, Equals(Ref("Tracing"), "Active"))
    without_issuer, without_audience = Equals(Ref("JwtIssuer"), ""), Equals(Ref("JwtAudience"), "")
    template.add_condition(TOKENS_ARE_REQUIRED, Not(without_issuer))
    template.add_condition(KEYS_HAVE_AN_ADDRESS, Not(Equals(Ref("JwtJwksUri"), "")))
    told, without_url = Equals(Ref("Notifications"), "on"), Equals(Ref("WebhookUrl"), "")
    template.add_condition(NOTIFICATIONS_ARE_ON, told)
    template.add_condition(WEBHOOKS_ARE_ON, And(Condition(NOTIFICATIONS_ARE_ON), Not(without_url)))
    template.add_condition(NOTIFICATIONS_ARE_WATCHED, And(Condition(ALARMS_ARE_ON), Condition(NOTIFICATIONS_ARE_ON)))
    template.add_condition(WEBHOOKS_ARE_WATCHED, And(Condition(ALARMS_ARE_ON), Condition(WEBHOOKS_ARE_ON)))
    for name in TABLES:
        template.add_condition(table_is_new(name), Equals(Ref(f"{name}TableName"), ""))
    text = "MonthlyBudget needs AlarmEmail, the address that is told."
    template.add_rule(
        "BudgetHasAReader", {"Assertions": [{"Assert": Or(without_budget, has_address), "AssertDescription": text}]}
    )

    both = Or(And(without_issuer, without_audience), And(Not(without_issuer), Not(without_audience)))
    text = "JwtIssuer and JwtAudience belong together: set both, or neither."
    template.add_rule("IssuerHasAnAudience", {"Assertions": [{"Assert": both, "AssertDescription": text}]})

    text = "WebhookUrl needs Notifications=on, which it sends."
    template.add_rule(
        "WebhooksHaveNotifications", {"Assertions": [{"Assert": Or(without_url, told), "AssertDescription": text}]}
    )

    text = "Notifications of an existing table, RegistrationsTableName, need its RegistrationsStream."
    without_stream = Equals(Ref("RegistrationsStream"), "")
    own = Equals(Ref("RegistrationsTableName"), "")
    fits = Or(Not(told), own, Not(without_stream))
    template.add_rule("BroughtTableHasAStream", {"Assertions": [{"Assert": fits, "AssertDescription": text}]})


def table_is_new(name: str) -> str:
    """Return the condition that the stack makes the table, as no existing one is named."""
    return f"{name}TableIsNew"


def only_if(condition: str, value: AWSHelperFn | AWSProperty) -> AWSHelperFn:
    """Return the value if the condition holds; otherwise the property is left out."""
    return If(condition, value, NoValue)
