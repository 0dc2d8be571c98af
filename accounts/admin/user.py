"""People in the admin site. Their pages are to read; what changes something is an action, see `accounts.admin.help`."""

from contextlib import suppress
from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import mail, policy
from accounts.admin import help as help_pages
from accounts.assurance import Step, is_fresh, lead_to_proof
from accounts.factors import overview
from accounts.factors.methods import get_conditions
from accounts.flows.security import list_events_for_support
from accounts.flows.sessions import list_sessions
from accounts.flows.support import find_obstacle
from accounts.forms.support import AddForm
from accounts.models import FactorBudget, SecurityEvent, User
from accounts.models.event import EventKind
from accounts.support.actions import LABELS, get_link_path
from otp.client import Client
from otp.destinations import Destination, fold_email, parse_phone
from otp.exceptions import OtpError

FILTERABLE = {"id", "is_staff", "is_active", "two_factor_enabled", "two_factor_required", "codes"}


class BlockedFilter(admin.SimpleListFilter):
    title = _("codes")
    parameter_name = "codes"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("blocked", _("blocked now")), ("failed", _("wrong ones in a row"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == "blocked":
            return queryset.filter(factor_budget__blocked_until__gt=timezone.now())
        return queryset.filter(factor_budget__failures__gt=0) if self.value() == "failed" else queryset


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """Nothing is typed into an account here: a number or address that staff could move would take the account along."""

    ordering = ["-id"]
    list_display = [
        "email",
        "phone_masked",
        "second_factor",
        "factors",
        "locked_until",
        "last_login",
        "is_active",
    ]
    list_filter = ["is_staff", "is_active", "two_factor_enabled", "two_factor_required", BlockedFilter]
    list_select_related = ["factor_budget"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["email"]
    search_help_text = _("The beginning of an email address, or a whole phone number.")
    fieldsets = [
        (None, {"fields": ["email", "phone_masked", "phone_verified_at", "phone_changed_at", "is_active"]}),
        (_("Second factor"), {"fields": ["second_factor", "locked_until", "factors_table"]}),
        (_("Signing in"), {"fields": ["last_login", "date_joined", "sessions_table"]}),
        (_("What happened lately"), {"fields": ["events_table", "attempts_link"]}),
        (_("Rights on this site"), {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        conditions = {f"has_{method}": condition for method, condition in get_conditions().items()}
        return super().get_queryset(request).annotate(**conditions)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # SECURITY: Django lets any column be filtered by in the address: `?password__startswith=…` reads a hash out.
        return lookup.partition("__")[0] in FILTERABLE

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """Find by the beginning of an address, or by a whole number: both have an index."""
        term = search_term.strip()
        with suppress(OtpError):
            return queryset.filter(phone=parse_phone(term).address), False
        return queryset.filter(email__startswith=fold_email(term)), False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [_show_phone(request, name) for name in self.list_display]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["email", "reason"]})]
        return [
            (title, {"fields": [_show_phone(request, name) for name in options["fields"]]})
            for title, options in self.fieldsets
        ]

    @admin.display(description=_("phone number"))
    def phone_masked(self, person: User) -> str:
        return Destination(person.phone).masked if person.phone else ""

    @admin.display(description=_("second factor"))
    def second_factor(self, person: User) -> str:
        """Say whether it is on, and whether it must be."""
        state = gettext("on") if person.two_factor_enabled else gettext("off")
        if not policy.is_required(person):
            return state
        if policy.is_due(person) or not person.two_factor_grace_until:
            return gettext("%(state)s, required") % {"state": state}
        day = date_format(person.two_factor_grace_until, "SHORT_DATE_FORMAT")
        return gettext("%(state)s, required from %(day)s") % {"state": state, "day": day}

    @admin.display(description=_("factors"))
    def factors(self, person: Any) -> str:
        return ", ".join(str(label) for method, label in LABELS.items() if getattr(person, f"has_{method}"))

    @admin.display(description=_("codes blocked"))
    def locked_until(self, person: Any) -> str:
        budget: FactorBudget | None = getattr(person, "factor_budget", None)
        if budget is None or not budget.failures:
            return ""
        if budget.is_disabled:
            return gettext("off until unlocked")
        if budget.blocked_until and budget.is_blocked:
            until = date_format(budget.blocked_until, "SHORT_DATETIME_FORMAT")
            return gettext("until %(until)s UTC") % {"until": until}
        return ngettext("%(count)d wrong in a row", "%(count)d wrong in a row", budget.failures) % {
            "count": budget.failures
        }

    @admin.display(description=_("factors"))
    def factors_table(self, person: User) -> SafeString:
        factors = overview.describe(person)
        devices = [(LABELS[method], device) for method, device in factors.devices]
        return _render("factors", devices=devices, backup_codes_left=factors.backup_codes_left)

    @admin.display(description=_("open sessions"))
    def sessions_table(self, person: User) -> SafeString:
        return _render("sessions", sessions=list_sessions(person), browsers=person.known_browsers.count())

    @admin.display(description=_("events"))
    def events_table(self, person: User) -> SafeString:
        return _render("events", events=list_events_for_support(person), person=person)

    @admin.display(description=_("attempts"))
    def attempts_link(self, person: User) -> SafeString:
        address = reverse("admin:otp_verificationattempt_changelist")
        return format_html('<a href="{}?user={}">{}</a>', address, person.pk, gettext("Codes sent and checked"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a person, with what the viewer may do for them."""
        person = self.get_object(request, unquote(object_id))
        context = {
            "obstacle": find_obstacle(cast("User", request.user), person) if person else "",
            "help_actions": help_pages.list_actions(request, person),
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make an account, after a fresh proof of who is asking."""
        if self.has_add_permission(request) and not is_fresh(request, Step.SUPPORT):
            return lead_to_proof(Step.SUPPORT, request.get_full_path())
        return super().add_view(request, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **options: Any) -> Any:
        return super().get_form(request, obj, change, **(options if obj else {**options, "form": AddForm}))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Make the account with a password that nobody knows, and mail the person how to choose theirs."""
        obj.set_unusable_password()
        obj.save(force_insert=True)
        reason, client = form.cleaned_data["reason"], Client.from_request(request)
        SecurityEvent.record(EventKind.ACCOUNT_MADE, obj, client, actor=request.user, reason=reason)
        mail.send_account_made(obj, path=get_link_path(obj), reason=reason)

    def get_actions(self, request: HttpRequest) -> Any:
        return {
            action.name: (partial(help_pages.begin, action), action.name, action.label)
            for action in help_pages.list_actions(request)
        }

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(partial(help_pages.show, self))
        return [path("help/<slug:name>/", page, name="accounts_user_help"), *super().get_urls()]


def _show_phone(request: HttpRequest, name: Any) -> Any:
    """Name the column with whole numbers to whoever may see them, and the masked one to others."""
    return "phone" if name == "phone_masked" and request.user.has_perm("accounts.view_phone") else name


def _render(name: str, **context: Any) -> SafeString:
    return render_to_string(f"admin/accounts/user/{name}.html", context)
