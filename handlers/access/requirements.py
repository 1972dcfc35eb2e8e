"""What the contract requires of the caller of an operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from handlers.access.caller import Caller
from handlers.access.refusals import RoleMissing, SomebodyElse
from handlers.contract import Contract, ContractError, Operation

#: The security schemes of the contract that are enforced; an organizer is a person too.
PERSON: Final = "person"
ORGANIZER: Final = "organizer"


@dataclass(frozen=True, slots=True)
class Requirement:
    """The roles that may call an operation; none of them if it is public."""

    roles: frozenset[str]

    @classmethod
    def of(cls, contract: Contract, operation: Operation) -> "Requirement":
        """Read the requirement of an operation.

        Raises:
            ContractError: Nothing would enforce what the contract says.

        """
        alternatives = contract.security(operation)
        roles = {name for alternative in alternatives for name in alternative}
        alone = all(len(alternative) == 1 and not any(alternative.values()) for alternative in alternatives)
        if not alone or not roles <= {PERSON, ORGANIZER}:
            raise ContractError(
                f"nothing enforces the security of {operation.operation_id}:"
                f" it may be [] or list {PERSON} and {ORGANIZER} as alternatives, without scopes"
            )
        if PERSON in roles and not contract.names_user(operation):
            raise ContractError(f"{operation.operation_id} is for a {PERSON}, but has no userId to compare")
        return cls(frozenset(roles))

    @property
    def public(self) -> bool:
        """Whether the operation needs no token."""
        return not self.roles

    def check_role(self, caller: Caller) -> None:
        """Refuse a caller without any of the roles, before the request is read.

        Raises:
            RoleMissing: The operation is for organizers.

        """
        if PERSON not in self.roles and not caller.organizer:
            raise RoleMissing

    def check_person(self, caller: Caller, arguments: Mapping[str, Any]) -> None:
        """Refuse a person who names somebody else in the path or in the body; nothing was looked up so far.

        Raises:
            SomebodyElse: The request is about another person.

        """
        if caller.organizer and ORGANIZER in self.roles:
            return
        for argument in arguments.values():
            if isinstance(user_id := getattr(argument, "user_id", None), str) and user_id != caller.user_id:
                raise SomebodyElse
