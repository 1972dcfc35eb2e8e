"""Turns of the changes to each event: a limited number at a time, in the order of arrival."""

from weakref import WeakValueDictionary

from anyio import Semaphore


class Turns:
    """The turns of any number of events, on one event loop; an event is kept while a change has or awaits a turn."""

    def __init__(self, limit: int) -> None:
        """Take the maximum number of changes to one event at a time."""
        self._limit = limit
        self._events: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    def of(self, event_id: str) -> Semaphore:
        """Return the turns of an event, one of which `async with` waits for and holds."""
        turns = self._events.get(event_id)
        if turns is None:
            turns = self._events[event_id] = Semaphore(self._limit, fast_acquire=True)
        return turns

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._events
