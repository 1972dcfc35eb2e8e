"""Users."""

from typing import TYPE_CHECKING
from uuid import uuid4

from .database import USERS, now
from .models import User, UserInput
from .problems import Problem, user_not_found

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource


class UserRepository:
    def __init__(self, dynamodb: "DynamoDBServiceResource") -> None:
        """Take the resource."""
        self.client = dynamodb.meta.client
        self.users = dynamodb.Table(USERS)

    def create(self, body: UserInput) -> User:
        user = User(user_id=body.user_id or str(uuid4()), name=body.name, created_at=now())
        try:
            self.users.put_item(Item=user.model_dump(by_alias=True), ConditionExpression="attribute_not_exists(userId)")
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Problem(409, "user-exists", "A user with this id exists.") from error
        return user

    def get(self, user_id: str) -> User:
        answer = self.users.get_item(Key={"userId": user_id}, ConsistentRead=True)
        if "Item" not in answer:
            raise user_not_found()
        return User.model_validate(answer["Item"])
