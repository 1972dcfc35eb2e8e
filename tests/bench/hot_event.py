"""`python -m tests.bench.hot_event`: registrations per second on one event, and the effect of backoff and shards.

It runs the simulation of `conflicts.py` for every design, commit window and rate, prints the tables and plots the
curves. The same seed gives the same figures. `hot_event.md` has the conclusions.
"""

import argparse
from pathlib import Path
from statistics import mean
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from storage.dynamodb.retries import RETRY_SECONDS
from tests.bench import hot_event_plot
from tests.bench.conflicts import Design, Outcome, Simulation, stranded_seats

ROOT: Final = Path(__file__).parents[2]

DESIGNS: Final = (
    Design(name="one item"),
    Design(name="8 shards", shards=8),
    Design(name="32 shards", shards=32),
    Design(name="32, spread", shards=32, partitions=32),
    Design(name="a stream", grouped=True),
    Design(name="full, one item", full=True),
    Design(name="full, any number", full=True, exact=False),
    Design(name="full, a stream", full=True, grouped=True),
)
#: Those of the plot: designs for free seats, and for a full event.
PLOTTED: Final = (("one item", "8 shards", "a stream"), ("full, one item", "full, a stream"))
#: Commit windows in milliseconds, and arrivals per second.
WINDOWS: Final = (5, 8, 12)
RATES: Final = (25, 50, 75, 100, 150, 200, 300, 400, 500, 800)

#: Seconds that are not counted, until the number of retries is steady.
WARM_UP: Final = 2 * RETRY_SECONDS

#: A design carries a rate if it refuses at most this share, and 99 % of the others are answered within SLOW seconds.
#: If it refuses more than half, higher rates are not tried.
REFUSED: Final = 0.01
SLOW: Final = 1.0
OVERLOADED: Final = 0.5

#: The backoff's last ceilings that are compared, in seconds: with a crowd of clients that register again, on average,
#: CROWD_GAP seconds after an answer (None), and at rates per second below and above what an event carries.
CEILINGS: Final = (0.5, 0.3, 0.15, 0.08)
SEATS_FREE: Final = Design(name="seats free")
FULL: Final = Design(name="full", full=True)
COMPARED: Final = ((SEATS_FREE, None), (FULL, None), (SEATS_FREE, 75), (FULL, 50), (FULL, 75))
CROWD: Final = 16
CROWD_GAP: Final = 0.01
CROWD_SECONDS: Final = 120
RATE_SECONDS: Final = 30

#: Dollars per million on-demand units in us-east-1 (list price).
WRITE_DOLLARS: Final = 0.625
READ_DOLLARS: Final = 0.125

Outcomes = dict[tuple[Design, int, int], Outcome]


def main() -> None:
    """Simulate, print and plot."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hot_event", description="Simulate one hot event.")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="seconds counted in each run (default: %(default)s)")
    parser.add_argument(
        "--window", type=int, default=8, choices=WINDOWS, help="ms, for the long table and the plot (default: 8)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "hot_event.svg", help="the file of the plot")
    options = parser.parse_args()
    console = Console()
    curves = [(design, window) for design in DESIGNS for window in WINDOWS]
    outcomes: Outcomes = {}
    for curve in track(curves, console=console, transient=True):
        for rate in RATES:
            outcomes[*curve, rate] = outcome = simulate(*curve, rate, options.seconds, options.seed)
            if outcome.given_up > OVERLOADED:
                break
    console.print(_limits(outcomes), _curve(outcomes, options.window), _last_seats(options.seed))
    console.print(_ceilings(options.window, options.seed))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    hot_event_plot.draw(outcomes, PLOTTED, options.window, options.out)
    console.print(f"Drawn: {options.out}", soft_wrap=True)


def simulate(design: Design, window: int, rate: int, seconds: float, seed: int) -> Outcome:
    """Simulate arrivals at `rate` per second; count `seconds` after the warm-up, with a window in milliseconds."""
    people = Simulation(design, window / 1000, seed).offer(rate, WARM_UP + seconds)
    return Outcome.of(people, WARM_UP, WARM_UP + seconds)


def _limits(outcomes: Outcomes) -> Table:
    table = _table("Highest tried rate with at most 1 % of 503 and a p99 of 1 s", "design")
    for window in WINDOWS:
        table.add_column(f"{window} ms", justify="right")
    for design in DESIGNS:
        carried = [
            max((rate for rate, outcome in _of(outcomes, design, window) if _is_carried(outcome)), default=0)
            for window in WINDOWS
        ]
        table.add_row(design.name, *map(str, carried))
    return table


def _is_carried(outcome: Outcome) -> bool:
    return outcome.given_up <= REFUSED and outcome.slow <= SLOW


def _curve(outcomes: Outcomes, window: int) -> Table:
    columns = ("offered/s", "accepted/s", "503", "p50 ms", "p99 ms", "WRU", "RRU", "$/million")
    table = _table(f"A commit window of {window} ms", "design", *columns)
    for design in DESIGNS:
        name = design.name
        for rate, outcome in _of(outcomes, design, window):
            table.add_row(
                name,
                f"{rate}",
                f"{outcome.accepted_rate:.0f}",
                f"{outcome.given_up:.1%}",
                f"{outcome.median * 1000:.0f}",
                f"{outcome.slow * 1000:.0f}",
                f"{outcome.units:.1f}",
                f"{outcome.reads:.1f}",
                f"{outcome.units * WRITE_DOLLARS + outcome.reads * READ_DOLLARS:.2f}",
            )
            name = ""
    return table


def _ceilings(window: int, seed: int) -> Table:
    columns = ("ceiling s", "accepted/s", "503", "p50 ms", "p99 ms", "WRU")
    table = _table(f"The backoff's last ceiling, at a commit window of {window} ms", "load", *columns)
    for design, rate in COMPARED:
        name = f"{design.name}, {rate or f'{CROWD} clients'}{'/s' if rate else ''}"
        for ceiling in CEILINGS:
            outcome = _compared(Simulation(design, window / 1000, seed, ceiling), rate)
            table.add_row(name, f"{ceiling}", *_cells(outcome))
            name = ""
    return table


def _compared(simulation: Simulation, rate: int | None) -> Outcome:
    end = WARM_UP + (RATE_SECONDS if rate else CROWD_SECONDS)
    people = simulation.offer(rate, end) if rate else simulation.crowd(CROWD, CROWD_GAP, end)
    return Outcome.of(people, WARM_UP, end)


def _cells(outcome: Outcome) -> list[str]:
    return [
        f"{outcome.accepted_rate:.0f}",
        f"{outcome.given_up:.2%}",
        f"{outcome.median * 1000:.0f}",
        f"{outcome.slow * 1000:.0f}",
        f"{outcome.units:.1f}",
    ]


def _of(outcomes: Outcomes, design: Design, window: int) -> list[tuple[int, Outcome]]:
    """Return the outcomes of a design and a window by rate."""
    return [(rate, outcomes[design, window, rate]) for rate in RATES if (design, window, rate) in outcomes]


def _last_seats(seed: int) -> Table:
    table = _table("Seats free in the other shards when the first shard is sold out, mean of 100 sales", "seats")
    shards = (8, 32)
    for number in shards:
        table.add_column(f"{number} shards", justify="right")
    for capacity in (100, 1_000, 10_000):
        left = [mean(stranded_seats(capacity, number, seed + sale) for sale in range(100)) for number in shards]
        table.add_row(f"{capacity}", *(f"{seats:.0f} ({seats / capacity:.0%})" for seats in left))
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, title=f"\n{title}", title_justify="left", box=None, header_style="dim")
    for name in others:
        table.add_column(name, justify="right")
    return table


if __name__ == "__main__":
    main()
