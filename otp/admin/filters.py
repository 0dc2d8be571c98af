"""Filters with fixed choices, and exact ones that show up once something was searched for. None reads the table."""

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.models import TransactionApproval

DAY = timedelta(days=1)
HASHES = re.compile(r"[0-9a-f]{64}(,[0-9a-f]{64}){0,9}")
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SID = re.compile(r"V[EL][0-9a-fA-F]{32}")


class DayFilter(admin.SimpleListFilter):
    """Ranges that are ready made, or one day as 2026-11-25 in the address. Days are UTC, as everything is here."""

    title = _("time")
    parameter_name = "day"
    is_span = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        found = [
            ("hour", _("Last hour")),
            ("today", _("Today")),
            ("yesterday", _("Yesterday")),
            ("week", _("Last 7 days")),
            ("month", _("Last 30 days")),
        ]
        value = self.value()
        return [*found, (value, value)] if value and value not in dict(found) else found

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not (value := self.value()):
            return queryset
        begin, end = self._get_span(value)
        queryset = queryset.filter(created_at__gte=begin)
        return queryset.filter(created_at__lt=end) if end else queryset

    def _get_span(self, value: str) -> tuple[datetime, datetime | None]:
        now = timezone.now()
        today = _begin(timezone.localdate(now))
        spans: dict[str, tuple[datetime, datetime | None]] = {
            "hour": (now - timedelta(hours=1), None),
            "today": (today, None),
            "yesterday": (today - DAY, today),
            "week": (now - 7 * DAY, None),
            "month": (now - 30 * DAY, None),
        }
        if value in spans:
            return spans[value]
        try:
            day = _begin(date.fromisoformat(value))
            return day, day + DAY
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error


class CountryFilter(admin.SimpleListFilter):
    title = _("country")
    parameter_name = "country"
    NONE = "none"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        known = sorted(settings.OTP_ALLOWED_COUNTRIES)
        value = self.value()
        others = [value] if value and value != self.NONE and value not in known else []
        return [*((code, code) for code in [*known, *others]), (self.NONE, _("None (e-mail)"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        return queryset.filter(country="" if value == self.NONE else value) if value else queryset


class GuardFilter(admin.SimpleListFilter):
    title = _("pumping guard")
    parameter_name = "guard"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("met", _("Refused or noted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        # Worded as its index is: `attempt_by_guard`.
        return queryset.filter(guard__gt="") if self.value() else queryset


class ExactFilter(admin.SimpleListFilter):
    """There only while it is on: searching leads to it, or a link from another page."""

    is_valid: Callable[[str], Any]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        value = self.value()
        return [(value, self.describe(value))] if value else []

    def describe(self, value: str) -> Any:
        return value

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not (value := self.value()):
            return queryset
        if not self.is_valid(value):
            raise IncorrectLookupParameters
        return self.narrow(queryset, value)

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        raise NotImplementedError


class DestinationFilter(ExactFilter):
    """By keyed hashes, one for each of OTP_HASH_KEYS: no number and no address is ever in a URL."""

    title = _("destination")
    parameter_name = "to"
    is_valid = staticmethod(HASHES.fullmatch)

    def describe(self, value: str) -> Any:
        return _("The one that was searched for")

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(destination_hash__in=value.split(","))


class UserFilter(ExactFilter):
    title = _("user")
    parameter_name = "user"
    is_valid = staticmethod(re.compile(r"[0-9]{1,18}").fullmatch)

    def describe(self, value: str) -> Any:
        return _("Number %(id)s") % {"id": value}

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(user_id=int(value))


class AddressFilter(ExactFilter):
    title = _("client address")
    parameter_name = "address"

    @staticmethod
    def is_valid(value: str) -> bool:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return False
        return True

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(client_address=str(ipaddress.ip_address(value)))


class SidFilter(ExactFilter):
    """Twilio's id of a verification (VE…), or of one message (VL…)."""

    title = _("Twilio id")
    parameter_name = "sid"
    is_valid = staticmethod(SID.fullmatch)

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        if value.startswith("VE"):
            return queryset.filter(verification_sid=value)
        name = "attempt_sid" if queryset.model._meta.model_name == "verificationattempt" else "attempts__attempt_sid"
        return queryset.filter(**{name: value})


class ApprovalFilter(ExactFilter):
    title = _("payment")
    parameter_name = "approval"
    is_valid = staticmethod(UUID_TEXT.fullmatch)

    def describe(self, value: str) -> Any:
        return _("The one that was searched for")

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(**{"pk" if queryset.model is TransactionApproval else "approval_id": value})


EXACT_FILTERS: list[type[admin.SimpleListFilter]] = [
    DestinationFilter,
    UserFilter,
    AddressFilter,
    SidFilter,
    ApprovalFilter,
]


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
