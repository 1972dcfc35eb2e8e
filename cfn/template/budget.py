"""The budget: a mail when the account costs more than `MonthlyBudget`, or is going to."""

from troposphere import Ref, Sub, Template
from troposphere.budgets import (
    Budget,
    BudgetData,
    Notification,
    NotificationWithSubscribers,
    Spend,
    Subscriber,
)

from cfn.template.conditions import BUDGET_IS_SET


def add_budget(template: Template) -> None:
    """Add the budget, if it is set.

    It is that of the account, as costs can be told apart by stack only where the payer has activated a tag for it.
    """
    template.add_resource(
        Budget(
            "Budget",
            Condition=BUDGET_IS_SET,
            Budget=BudgetData(
                BudgetName=Sub("${AWS::StackName}-${AWS::Region}"),
                BudgetType="COST",
                TimeUnit="MONTHLY",
                BudgetLimit=Spend(Amount=Ref("MonthlyBudget"), Unit="USD"),
            ),
            NotificationsWithSubscribers=[_notification("ACTUAL", 50), _notification("FORECASTED", 100)],
        )
    )


def _notification(kind: str, percent: int) -> NotificationWithSubscribers:
    return NotificationWithSubscribers(
        Notification=Notification(
            NotificationType=kind, ComparisonOperator="GREATER_THAN", Threshold=percent, ThresholdType="PERCENTAGE"
        ),
        Subscribers=[Subscriber(SubscriptionType="EMAIL", Address=Ref("AlarmEmail"))],
    )
