"""Parameters on the command line are checked before anything is deployed."""

import pytest

from cfn.errors import CommandError
from cfn.stack.settings import parse_parameters


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("MemorySise=1", "There is no parameter 'MemorySise'; did you mean MemorySize?"),
        ("MemorySize", "'MemorySize' is not a parameter: write NAME=VALUE"),
        ("Zzz=1", "There is no parameter 'Zzz'; the parameters are CodeBucket, CodeKey, StageName"),
    ],
)
def test_a_wrong_parameter_is_refused_with_the_right_one(given: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_parameters([given])


def test_the_value_of_a_parameter_may_contain_an_equals_sign() -> None:
    assert parse_parameters(["CorsOrigins=https://a.example,https://b.example", "AlarmEmail=a=b@c.example"]) == {
        "CorsOrigins": "https://a.example,https://b.example",
        "AlarmEmail": "a=b@c.example",
    }
