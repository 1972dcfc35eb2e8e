"""The three DynamoDB tables, as `storage.schema` defines them, or existing ones in their place."""

from typing import Final

from troposphere import AWSHelperFn, If, Output, Ref, Select, Sub, Template
from troposphere.dynamodb import OnDemandThroughput, PointInTimeRecoverySpecification, StreamSpecification, Table

from cfn.template.conditions import NOTIFICATIONS_ARE_ON, only_if, table_is_new
from storage.schema import TABLE_VARIABLES, TABLES

#: Table name -> logical id in the template, and the parameter that names an existing table in place of a new one.
LOGICAL_IDS: Final = {name: f"{name}Table" for name in TABLES}
NAME_PARAMETERS: Final = {name: f"{name}TableName" for name in TABLES}


def add_tables(template: Template, *, throw_away: bool) -> None:
    """Add the tables, unless existing ones are named, and outputs with their names.

    Unless `throw_away` is set, they are kept after the stack and protected from deletion.
    """
    policy = "Delete" if throw_away else "Retain"
    for name, definition in TABLES.items():
        table = Table.from_dict(LOGICAL_IDS[name], definition)
        table.Condition = table_is_new(name)
        table.PointInTimeRecoverySpecification = PointInTimeRecoverySpecification(PointInTimeRecoveryEnabled=True)
        # Without an SSESpecification, DynamoDB encrypts with a key of its own, which is free.
        for capped in (table, *table.properties.get("GlobalSecondaryIndexes", ())):
            capped.OnDemandThroughput = _caps(name)
        if name == "Registrations":
            table.StreamSpecification = only_if(
                NOTIFICATIONS_ARE_ON, StreamSpecification(StreamViewType="NEW_AND_OLD_IMAGES")
            )
        table.DeletionProtectionEnabled = not throw_away
        table.resource["DeletionPolicy"] = table.resource["UpdateReplacePolicy"] = policy
        template.add_resource(table)
        template.add_output(Output(LOGICAL_IDS[name], Description=f"Name of the table {name}", Value=table_name(name)))


def table_name(name: str) -> AWSHelperFn:
    """Return the name of the table that the stack uses."""
    return If(table_is_new(name), Ref(LOGICAL_IDS[name]), Ref(NAME_PARAMETERS[name]))


def table_arn(name: str, below: str = "") -> AWSHelperFn:
    """Return the ARN of the table that the stack uses, or of something below it."""
    arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}"
    return Sub(arn + below, Table=table_name(name))


def table_variables() -> dict[str, AWSHelperFn]:
    """Return the environment variables that contain the names of the tables."""
    return {variable: table_name(name) for name, variable in TABLE_VARIABLES.items()}


def _caps(name: str) -> OnDemandThroughput:
    at = list(TABLES).index(name)
    return OnDemandThroughput(
        MaxReadRequestUnits=Select(at, Ref("MaxReadUnits")), MaxWriteRequestUnits=Select(at, Ref("MaxWriteUnits"))
    )
