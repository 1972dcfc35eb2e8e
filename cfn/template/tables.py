"""The three DynamoDB tables, as `storage.schema` defines them."""

from typing import Final

from troposphere import Ref, Select, Template
from troposphere.dynamodb import OnDemandThroughput, PointInTimeRecoverySpecification, Table

from storage.schema import TABLE_VARIABLES, TABLES

#: Table name -> logical id in the template.
LOGICAL_IDS: Final = {name: f"{name}Table" for name in TABLES}


def add_tables(template: Template, *, throw_away: bool) -> None:
    """Add the tables; unless `throw_away` is set, they are kept after the stack and protected from deletion."""
    policy = "Delete" if throw_away else "Retain"
    for name, definition in TABLES.items():
        table = Table.from_dict(LOGICAL_IDS[name], definition)
        table.PointInTimeRecoverySpecification = PointInTimeRecoverySpecification(PointInTimeRecoveryEnabled=True)
        # Without an SSESpecification, DynamoDB encrypts with a key of its own, which is free.
        for capped in (table, *table.properties.get("GlobalSecondaryIndexes", ())):
            capped.OnDemandThroughput = _caps(name)
        table.DeletionProtectionEnabled = not throw_away
        table.resource["DeletionPolicy"] = table.resource["UpdateReplacePolicy"] = policy
        template.add_resource(table)


def table_variables() -> dict[str, Ref]:
    """Return the environment variables that contain the names of the tables."""
    return {variable: Ref(LOGICAL_IDS[name]) for name, variable in TABLE_VARIABLES.items()}


def _caps(name: str) -> OnDemandThroughput:
    at = list(TABLES).index(name)
    return OnDemandThroughput(
        MaxReadRequestUnits=Select(at, Ref("MaxReadUnits")), MaxWriteRequestUnits=Select(at, Ref("MaxWriteUnits"))
    )
