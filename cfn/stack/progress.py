"""Shows the progress of a stack: a live table on a terminal, elsewhere one line per event."""

from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

_COLOURS: Final = (("FAILED", "bold red"), ("ROLLBACK", "red"), ("COMPLETE", "green"), ("IN_PROGRESS", "yellow"))


class Progress:
    """A context manager that displays the events of a stack in the order of `add`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: dict[str, dict[str, Any]] = {}
        self._live = (
            Live(console=console, refresh_per_second=8, get_renderable=self._table) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def add(self, event: dict[str, Any]) -> None:
        """Display one event of the stack."""
        self._latest[event["LogicalResourceId"]] = event
        if not self._live:
            when = event["Timestamp"].strftime("%H:%M:%S")
            reason = " ".join(event.get("ResourceStatusReason", "").split())
            line = f"{when}  {event['ResourceStatus']:<28}{event['LogicalResourceId']}  {reason}"
            self._console.print(line.rstrip(), soft_wrap=True, highlight=False, markup=False)

    def _table(self) -> Table:
        table = Table("resource", "type", "status", box=None, header_style="dim")
        # Only the last rows that fit: on a terminal that scrolls, rich would repeat the top of the table.
        rows = max(self._console.size.height - 3, 5)
        for name, event in list(self._latest.items())[-rows:]:
            status = event["ResourceStatus"]
            colour = next((colour for word, colour in _COLOURS if word in status), "default")
            table.add_row(name, event["ResourceType"].removeprefix("AWS::"), f"[{colour}]{status}[/]")
        return table
