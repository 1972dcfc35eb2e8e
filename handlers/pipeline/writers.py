"""The writers of registrations: one for each event, so that those that arrive while it writes share a transaction."""

import asyncio
import math
import time
from contextvars import Context
from typing import Final

from anyio import CapacityLimiter, to_thread

from storage import registrations
from storage.dynamodb.tables import Tables
from storage.errors import DeadlineExceeded
from storage.group import Group, Kind, Member, Result, settle
from storage.model import Registration

#: The limiter of calls that another limiter has admitted already.
_ADMITTED: Final = CapacityLimiter(math.inf)


class Writers:
    """Registers and unregisters, on one event loop: requests wait there, and only the writers have threads."""

    def __init__(self, tables: Tables, threads: CapacityLimiter | None) -> None:
        """Take the limit of writers at a time; with None, each request is settled at once, on the loop's own thread."""
        self._tables = tables
        self._threads = threads
        self._groups: dict[str, Group] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(
        self, event_id: str, user_id: str, owner: str | None = None, key: str | None = None
    ) -> Registration:
        """Do `registrations.register`."""
        if self._threads is None:
            return registrations.register(self._tables, event_id, user_id, owner, key)
        registration = await self._settled(self._threads, event_id, "register", user_id, owner, key)
        assert registration
        return registration

    async def unregister(self, event_id: str, user_id: str, owner: str | None = None) -> None:
        """Do `registrations.unregister`."""
        if self._threads is None:
            registrations.unregister(self._tables, event_id, user_id, owner)
        else:
            await self._settled(self._threads, event_id, "unregister", user_id, owner)

    async def _settled(  # noqa: PLR0913 - where and when a request is settled, and the request
        self,
        threads: CapacityLimiter,
        event_id: str,
        kind: Kind,
        user_id: str,
        owner: str | None,
        key: str | None = None,
    ) -> Registration | None:
        """Wait for the result of a request, until its deadline; the batch that it may be in goes on."""
        member = Member(kind, user_id, answer := asyncio.get_running_loop().create_future(), owner, key)
        if event_id in self._groups:
            self._groups[event_id].add(member)
        else:
            self._start_writer(threads, event_id, member)
        try:
            async with asyncio.timeout(None if math.isinf(member.deadline) else member.deadline - time.monotonic()):
                result: Registration | None = await answer
        except TimeoutError:
            raise DeadlineExceeded from None
        return result

    def _start_writer(self, threads: CapacityLimiter, event_id: str, first: Member) -> None:
        group = self._groups[event_id] = Group()
        group.add(first)
        # An empty context: the deadline of the first request is not that of the others.
        task = asyncio.create_task(self._write(threads, event_id, group), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, threads: CapacityLimiter, event_id: str, group: Group) -> None:
        """Settle batches until nobody waits."""
        try:
            while True:
                async with threads:
                    # Taken now, when there is a thread: others may have joined.
                    batch = group.take()
                    if not batch:
                        return
                    results: dict[Member, Result] = await to_thread.run_sync(
                        settle, self._tables, event_id, batch, limiter=_ADMITTED
                    )
                group.answer(batch, results)
        finally:
            del self._groups[event_id]
