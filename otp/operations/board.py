"""The dashboard as a page shows it: the numbers of `analytics`, named, formatted and drawn."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from otp.models.attempt import Kind, Outcome
from otp.operations.analytics import Dashboard, Figures, Refusal
from otp.operations.guard_hits import GuardHits, find_modes
from otp.operations.pictures import Picture, draw_lying, draw_upright, show_count, show_money, show_share
from otp.operations.provider_advice import get_advice
from otp.purposes import Channel, Purpose

REASONS = {
    "address": gettext_lazy("limit of one network"),
    "prefix": gettext_lazy("limit of one range of numbers"),
    "country": gettext_lazy("limit of one country"),
    "site": gettext_lazy("limit of the whole site"),
    "budget": gettext_lazy("the day’s budget is used up"),
    "check_address": gettext_lazy("limit of checks from one network"),
    "destination_per_minute": gettext_lazy("limit of one destination, by minute"),
    "destination_per_hour": gettext_lazy("limit of one destination, by hour"),
    "destination_per_day": gettext_lazy("limit of one destination, by day"),
    "wrong_codes_per_destination": gettext_lazy("too many wrong codes for one destination"),
    "resend_wait": gettext_lazy("asked again too soon"),
    "resend_race": gettext_lazy("asked twice at once"),
    "exhausted": gettext_lazy("too many wrong codes for one code"),
    "guard_address": gettext_lazy("pumping guard, by network"),
    "guard_prefix": gettext_lazy("pumping guard, by range of numbers"),
    "guard_country": gettext_lazy("pumping guard, by country"),
    "no_sender": gettext_lazy("notices have no sender"),
    "numbers_per_account": gettext_lazy("too many numbers for one account"),
    "accounts_per_number": gettext_lazy("too many accounts for one number"),
}
SHOWN = 10


@dataclass(frozen=True)
class Tile:
    """One number at the top. `share` is how much of the budget it is, 0 to 1, where it is money."""

    title: str
    value: str
    note: str = ""
    share: float | None = None

    @property
    def bar(self) -> float:
        """Units of 100 that the budget's bar is filled."""
        return round(100 * min(1.0, self.share or 0), 1)

    @property
    def level(self) -> str:
        share = self.share or 0
        return "over" if share >= 1 else "near" if share >= 0.8 else "fine"


@dataclass(frozen=True)
class ErrorLine:
    code: int
    calls: str
    deliveries: str
    advice: str


class Board:
    """What the admin's front page is made of."""

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard
        self.currency = settings.OTP_CURRENCY

    @property
    def is_empty(self) -> bool:
        figures = self.dashboard.last_month
        return not (figures.sent or figures.approved or figures.refused or figures.failed)

    @property
    def hours_behind(self) -> int:
        return self.dashboard.hours_behind

    @cached_property
    def tiles(self) -> list[Tile]:
        day, (half, most) = self.dashboard.last_day, self.dashboard.answer_times
        missed = ngettext("%(count)s failed", "%(count)s failed", day.failed) % {"count": show_count(day.failed)}
        return [
            Tile(_("Sent"), show_count(day.sent), _("in 24 hours")),
            Tile(
                _("Approved"), show_count(day.approved), _("%(count)s wrong codes") % {"count": show_count(day.wrong)}
            ),
            Tile(_("Conversion"), show_share(day.conversion), _("approved of sent")),
            Tile(_("Refused"), show_count(day.refused), missed),
            Tile(
                _("Twilio’s answer"),
                _show_milliseconds(half),
                _("95 of 100 within %(time)s") % {"time": _show_milliseconds(most)},
            ),
            *self._spend_tiles(),
        ]

    def _spend_tiles(self) -> list[Tile]:
        spend = self.dashboard.spend
        rows = (
            (_("Spent today"), spend.today, spend.day_budget),
            (_("Spent this month"), spend.month, spend.month_budget),
        )
        return [
            Tile(
                title,
                show_money(spent),
                _("of %(budget)s") % {"budget": f"{show_money(budget)}\u00a0{self.currency}"},
                float(spent / budget) if budget else float(spent > 0),
            )
            for title, spent, budget in rows
        ]

    @cached_property
    def pictures(self) -> list[Picture]:
        hours, days = self.dashboard.hours, self.dashboard.days
        return [
            draw_upright(
                "hours",
                _("Last 24 hours, UTC"),
                [replace(row, name=f"{row.name:%H}:00") for row in hours],
                name=_("Hour"),
                labels={place: f"{row.name:%H}" for place, row in enumerate(hours) if place % 4 == 1},
            ),
            draw_upright(
                "days",
                _("Last 30 days, UTC"),
                [replace(row, name=_show_day(row.name)) for row in days],
                name=_("Day"),
                labels={place: _show_day(row.name) for place, row in enumerate(days) if place % 7 == 2},
            ),
            self._by("channel", _("By channel, 30 days"), _("Channel"), dict(Channel.choices)),
            self._by("country", _("By country, 30 days"), _("Country"), {"": _("none (e-mail)")}),
            self._by("purpose", _("By purpose, 30 days"), _("Purpose"), dict(Purpose.choices)),
        ]

    def _by(self, dimension: str, title: str, name: str, labels: dict[str, Any]) -> Picture:
        rows = [
            replace(row, name=capfirst(str(labels.get(row.name) or row.name or _("unknown"))))
            for row in self.dashboard.by(dimension)
        ]
        return draw_lying(dimension, title, rows, name=name)

    @cached_property
    def refusals(self) -> list[tuple[str, str, str]]:
        """Give what was refused, why, and how often; the rules that refused most."""
        return [_describe(refusal) for refusal in self.dashboard.refusals[:SHOWN]]

    @property
    def guard_modes(self) -> list[tuple[str, str]]:
        """Give the rules of the pumping guard and what each does with a send that breaks it."""
        return [(capfirst(str(name)), str(mode)) for name, mode in find_modes()]

    @property
    def guard_hits(self) -> list[GuardHits]:
        return self.dashboard.guard_hits[0][:SHOWN]

    @property
    def guard_is_cut(self) -> bool:
        """Tell whether there is more than the table says."""
        hits, is_cut = self.dashboard.guard_hits
        return is_cut or len(hits) > SHOWN

    @cached_property
    def errors(self) -> list[ErrorLine]:
        return [
            ErrorLine(error.code, show_count(error.calls), show_count(error.deliveries), str(get_advice(error.code)))
            for error in self.dashboard.errors[:SHOWN]
        ]

    def confirmed(self) -> str:
        """Say how much of the cost is Twilio's own word."""
        figures: Figures = self.dashboard.last_month
        return _(
            "%(priced)s of %(sent)s messages of these 30 days have Twilio’s own price; the others are estimated."
        ) % {
            "priced": show_count(figures.priced),
            "sent": show_count(figures.sent),
        }


def _describe(refusal: Refusal) -> tuple[str, str, str]:
    what = capfirst(str(Kind(refusal.kind).label))
    why = capfirst(str(Outcome(refusal.outcome).label))
    if refusal.reason:
        why += f": {REASONS.get(refusal.reason) or refusal.reason.replace('_', ' ')}"
    return what, why, show_count(refusal.count)


def _show_day(day: Any) -> str:
    return formats.date_format(day, "j M")


def _show_milliseconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return _("%(count)s ms") % {"count": milliseconds}
    return _("%(count)s s") % {"count": formats.number_format(round(milliseconds / 1000, 1), 1)}
