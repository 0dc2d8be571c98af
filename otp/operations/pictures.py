"""Bars for the dashboard, worked out here and drawn by a template as inline SVG. Each has the table behind it.

Sizes are in units of the drawing, which is `WIDTH` wide; on a phone that is about one pixel each.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from otp.operations.analytics import Figures

WIDTH = 340
# Upright bars
PLOT_LEFT, PLOT_TOP, PLOT_HEIGHT = 34, 8, 120
TICKS = 3
# Lying bars
ROW_HEIGHT, BAR_HEIGHT, BAR_TOP = 38, 10, 19

LEGEND = (
    ("approved", gettext_lazy("Approved")),
    ("sent", gettext_lazy("Sent, not approved")),
    ("refused", gettext_lazy("Refused or failed")),
)


@dataclass(frozen=True)
class Bar:
    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Text:
    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass
class Picture:
    """One drawing with its table. `summary` is what a screen reader says in the drawing's place."""

    slug: str
    title: str
    summary: str
    height: float
    header: list[str]
    table: list[list[str]]
    bars: list[Bar] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    lines: list[float] = field(default_factory=list)  # where each lies, from the top
    width: int = WIDTH

    @property
    def legend(self) -> Sequence[tuple[str, Any]]:
        return LEGEND


def draw_upright(slug: str, title: str, rows: Sequence[Figures], *, name: str, labels: dict[int, str]) -> Picture:
    """Draw a bar for each hour or day, in order; `labels` names some of them by their place."""
    peak = max((_stack(row)[-1] for row in rows), default=0)
    step = _find_step(peak)
    top = step * TICKS
    slot = (WIDTH - PLOT_LEFT) / max(1, len(rows))
    bottom = PLOT_TOP + PLOT_HEIGHT
    bars = []
    for place, row in enumerate(rows):
        low = 0
        for (series, _label), high in zip(LEGEND, _stack(row), strict=True):
            if high > low:
                y = bottom - PLOT_HEIGHT * high / top
                height = PLOT_HEIGHT * (high - low) / top
                bars.append(Bar(series, _r(PLOT_LEFT + slot * place + slot * 0.12), _r(y), _r(slot * 0.76), _r(height)))
            low = high
    texts = [
        Text(PLOT_LEFT - 4, _r(bottom - PLOT_HEIGHT * tick / TICKS + 4), _number(step * tick), "end")
        for tick in range(TICKS + 1)
    ]
    for place, label in labels.items():
        texts.append(Text(_r(PLOT_LEFT + slot * (place + 0.5)), bottom + 16, label, "middle"))
    return Picture(
        slug,
        title,
        _summarise(title, rows),
        bottom + 24,
        _header(name),
        [_line(row) for row in rows],
        bars,
        texts,
        lines=[_r(bottom - PLOT_HEIGHT * tick / TICKS) for tick in range(TICKS + 1)],
    )


def draw_lying(slug: str, title: str, rows: Sequence[Figures], *, name: str, shown: int = 8) -> Picture:
    """Draw a bar for each channel, country or purpose; the table has those as well that the drawing has no room for."""
    peak = max((_stack(row)[-1] for row in rows), default=0) or 1
    bars, texts = [], []
    for place, row in enumerate(rows[:shown]):
        y = place * ROW_HEIGHT
        texts.append(Text(0, y + 13, str(row.name)))
        texts.append(Text(WIDTH, y + 13, f"{_number(row.sent)} · {show_share(row.conversion)}", "end"))
        low = 0
        for (series, _label), high in zip(LEGEND, _stack(row), strict=True):
            if high > low:
                bars.append(
                    Bar(series, _r(WIDTH * low / peak), y + BAR_TOP, _r(WIDTH * (high - low) / peak), BAR_HEIGHT)
                )
            low = high
    height = max(1, min(shown, len(rows))) * ROW_HEIGHT
    table = [_line(row) for row in rows]
    return Picture(slug, title, _summarise(title, rows), height, _header(name), table, bars, texts)


def show_money(amount: Decimal) -> str:
    """Write an amount with two decimals, or with four where it is less than a cent and not nothing."""
    # Rounded here: what formats numbers for a language cuts digits off.
    places = 4 if 0 < abs(amount) < Decimal("0.01") else 2
    return formats.number_format(round(Decimal(amount), places), places, force_grouping=True)


def show_share(share: float | None) -> str:
    return "–" if share is None else f"{formats.number_format(round(100 * share), 0)} %"


def show_count(count: int) -> str:
    return formats.number_format(count, 0, force_grouping=True)


_number = show_count


def _stack(row: Figures) -> tuple[int, int, int]:
    """Give where each part of a bar ends: approved, then the rest of what was sent, then what did not go out."""
    approved = min(row.approved, row.sent)
    return approved, row.sent, row.sent + row.refused + row.failed


def _find_step(peak: int) -> int:
    """Find a round step so that three of them reach the highest bar."""
    least = max(1, math.ceil(peak / TICKS))
    power = 10 ** (len(str(least)) - 1)
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= least)


def _summarise(title: str, rows: Sequence[Figures]) -> str:
    sent = sum(row.sent for row in rows)
    approved = sum(row.approved for row in rows)
    missed = sum(row.refused + row.failed for row in rows)
    return _(
        "%(title)s: %(sent)s sent, %(approved)s approved, %(missed)s refused or failed. The table has the rest."
    ) % {
        "title": title,
        "sent": _number(sent),
        "approved": _number(approved),
        "missed": _number(missed),
    }


def _header(name: str) -> list[str]:
    return [name, _("Sent"), _("Approved"), _("Conversion"), _("Refused"), _("Failed"), _("Cost")]


def _line(row: Figures) -> list[str]:
    counts = [_number(row.sent), _number(row.approved), show_share(row.conversion)]
    return [str(row.name), *counts, _number(row.refused), _number(row.failed), show_money(row.cost)]


def _r(number: float) -> float:
    return round(number, 1)
