"""Imports an export line by line, in transactions that keep the invariant at every moment.

A line that is not valid, or that the rules do not allow, is refused, and the others are imported. What is there already
is left as it is: so an import can be repeated, and goes on where it was interrupted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from storage.dynamodb.tables import Tables
from storage.model import Event, Registration, User
from storage.transfer import batches, form
from storage.transfer.admission import Admitted, Verdict
from storage.transfer.form import MAX_LINE, End, FormError, Record

#: Returns what is wrong with the values of an object whose properties have the right types; None if nothing is.
Check = Callable[[Mapping[str, Any]], str | None]

_KINDS: Final[Mapping[type, str]] = {User: "user", Event: "event", Registration: "registration"}


@dataclass
class Loaded:
    """The numbers of an import: lines read, and objects by kind that were written, present or refused."""

    lines: int = 0
    written: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)
    refused: int = 0


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; of a line that is too long only a part, which is too long as well."""
    while line := file.readline(MAX_LINE + 2):
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)


@dataclass(slots=True)
class _Section:
    """The lines of an event; `refused` is whether one of them was, and `taken` whether that is the event's own."""

    event_id: str
    refused: bool = False
    taken: bool = False


class Load:
    """An import into the tables."""

    def __init__(
        self, tables: Tables, check: Check, report: Callable[[int, str], object], *, alone: bool = False
    ) -> None:
        """Take what checks values, and what is called with number and reason of each line that is refused.

        `alone` promises that nobody else writes to the tables meanwhile, which allows larger transactions.
        """
        self.loaded = Loaded()
        self._tables, self._check, self._report = tables, check, report
        self._alone = alone
        self._section: _Section | None = None
        self._batch: list[tuple[int, User | Registration]] = []
        self._objects = 0
        self._ended = False

    def run(self, lines: Iterable[bytes]) -> Loaded:
        """Import lines; `loaded` shows the progress.

        Raises:
            FormError: The file is not an export that this version reads. Nothing was written.

        """
        numbered = enumerate(lines, 1)
        form.check_header(next(numbered, (1, b""))[1])
        for number, raw in numbered:
            self.loaded.lines = number
            if raw.strip():
                self._line(number, raw)
        self._write_batch()
        if not self._ended:
            self._refuse(self.loaded.lines + 1, "the file ends early: its last line, with the numbers, is missing")
        return self.loaded

    def _line(self, number: int, raw: bytes) -> None:
        try:
            record = self._record(raw)
        except FormError as error:
            self._objects += 1
            self._refuse(number, str(error))
            return
        if isinstance(record, End):
            self._end(number, record)
            return
        self._objects += 1
        if isinstance(record, Event):
            self._event(number, record)
        elif isinstance(record, User):
            if self._section is not None:
                self._write_batch()
                self._section = None
            self._add(number, record)
        elif self._section is None or self._section.event_id != record.event_id:
            self._refuse(number, "does not stand behind the line of its event")
        elif self._section.taken:
            self._refuse(number, "its event was refused")
        else:
            self._add(number, record)

    def _record(self, raw: bytes) -> Record:
        if self._ended:
            raise FormError("stands behind the end of the export")
        document = form.parse(raw)
        if wrong := form.fault(document) or self._check(form.public(document)):
            raise FormError(wrong)
        return form.record(document)

    def _event(self, number: int, event: Event) -> None:
        self._write_batch()
        self._section = _Section(event.event_id)
        verdict = batches.write_event(self._tables, event)
        self._section.taken = isinstance(verdict, str)
        self._note(number, event, verdict)

    def _add(self, number: int, record: User | Registration) -> None:
        """Add a record to the batch; write the batch before if the record does not go with it."""
        if self._batch and not _together([it for _, it in self._batch], record):
            self._write_batch()
        self._batch.append((number, record))

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, []
        users = [it for _, it in batch if isinstance(it, User)]
        registrations = [it for _, it in batch if isinstance(it, Registration)]
        verdicts: Sequence[Verdict] = []
        if users:
            verdicts = batches.write_users(self._tables, users)
        elif registrations:
            refused = self._section is not None and self._section.refused
            verdicts = batches.write_registrations(self._tables, registrations, refused=refused, alone=self._alone)
        for (number, record), verdict in zip(batch, verdicts, strict=True):
            self._note(number, record, verdict)

    def _note(self, number: int, record: User | Event | Registration, verdict: Verdict) -> None:
        kind = _KINDS[type(record)]
        if isinstance(verdict, str):
            self._tell(number, verdict)
        else:
            (self.loaded.written if verdict is Admitted.WRITTEN else self.loaded.present)[kind] += 1

    def _refuse(self, number: int, reason: str) -> None:
        self._write_batch()
        self._tell(number, reason)

    def _tell(self, number: int, reason: str) -> None:
        self.loaded.refused += 1
        if self._section is not None:
            self._section.refused = True
        self._report(number, reason)

    def _end(self, number: int, end: End) -> None:
        self._write_batch()
        self._ended, self._section = True, None
        expected = end.users + end.events + end.registrations
        if expected != self._objects:
            self._tell(number, f"{expected:,} lines should be between the first one and this, not {self._objects:,}")


def _together(batch: Sequence[User | Registration], record: User | Registration) -> bool:
    """Return whether one transaction can write a record with a batch."""
    first = batch[0]
    if any(it.user_id == record.user_id for it in batch):
        return False
    if isinstance(first, User):
        return isinstance(record, User) and len(batch) < batches.USERS
    return (
        isinstance(record, Registration)
        and (record.event_id, record.status) == (first.event_id, first.status)
        and len(batch) < batches.REGISTRATIONS[first.status]
    )
