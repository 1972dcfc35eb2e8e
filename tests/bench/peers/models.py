"""Pydantic models of requests and responses, with the contract's names."""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

EventStatus = Literal["active", "scheduled", "ongoing", "completed", "cancelled"]
RegistrationStatus = Literal["confirmed", "waitlisted"]


def _calendar(date: str) -> str:
    datetime.fromisoformat(date)
    return date


Value = TypeVar("Value")
#: A field that is left out of a response when it has no value.
Omitted = Annotated[Value | None, Field(default=None, exclude_if=lambda value: value is None)]

Id = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._~@:+-]+$")]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(min_length=1, max_length=1000)]
Capacity = Annotated[int, Field(ge=1, le=100_000)]
Organizer = Annotated[str, Field(min_length=1, max_length=100)]
Date = Annotated[str, AfterValidator(_calendar)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_calendar)]


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Input(Model):
    model_config = ConfigDict(extra="forbid")


class EventFields(Model):
    title: Line
    description: Description
    date: Date
    location: Line
    capacity: Capacity
    organizer: Organizer
    status: EventStatus = "active"
    has_waitlist: bool = False


class EventInput(EventFields, Input):
    event_id: Id | None = None


class EventSummary(EventFields):
    event_id: Id


class Event(EventSummary):
    confirmed_count: int
    waitlist_count: int
    available_seats: int
    created_at: str
    updated_at: str


class EventPage(Model):
    events: list[Event]
    next_cursor: Omitted[str]


class Registration(Model):
    user_id: Id
    event_id: Id
    status: RegistrationStatus
    registered_at: str
    promoted_at: Omitted[str]
    waitlist_position: Omitted[int]


class UserRegistration(Registration):
    event: EventSummary


class UserRegistrationPage(Model):
    registrations: list[UserRegistration]
    next_cursor: Omitted[str]


class EventUpdate(Input):
    title: Line | None = None
    description: Description | None = None
    date: Date | None = None
    location: Line | None = None
    capacity: Capacity | None = None
    organizer: Organizer | None = None
    status: EventStatus | None = None
    has_waitlist: bool | None = None


class UserInput(Input):
    user_id: Id | None = None
    name: Line


class User(Model):
    user_id: Id
    name: Line
    created_at: str


class RegistrationInput(Input):
    user_id: Id
    event_id: Id


class RegistrationPage(Model):
    registrations: list[Registration]
    next_cursor: Omitted[str]


class EventRegistrationInput(Input):
    user_id: Id


class PageQuery(Input):
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: str | None = None


class RegistrationQuery(PageQuery):
    status: RegistrationStatus | None = None


class EventQuery(PageQuery):
    status: EventStatus | None = None
    first_day: Annotated[Day | None, Field(alias="from")] = None
    last_day: Annotated[Day | None, Field(alias="to")] = None


class ApiInfo(Model):
    name: str
    version: str
    links: dict[str, str]


class Health(Model):
    status: Literal["healthy"] = "healthy"
