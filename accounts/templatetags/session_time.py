"""`{% session_time %}`: the limit of a session, and the warning before its end, on any page of whoever is signed in."""

from typing import Any

from django import template
from django.urls import reverse

from accounts import session_time as time

register = template.Library()


@register.inclusion_tag("accounts/session_time.html", takes_context=True)
def session_time(context: template.Context) -> dict[str, Any]:
    """Give nothing to strangers and to error pages."""
    request = context.get("request")
    if not request:
        return {}
    is_money = time.is_money(getattr(request.resolver_match, "func", None))
    measured = time.measure(request, is_money=is_money)
    if not measured.left:
        return {}
    limit = time.get_idle_seconds(is_money=is_money)
    return {
        "time": measured,
        "is_money": is_money,
        "warning_seconds": time.get_warning_seconds(limit),
        "limit": time.say_limit(limit),
        # Loading the page again is what shows whether the session is over, and leads to the sign-in and back. What
        # answered a POST may have no page of its own to come back to.
        "over_url": request.get_full_path() if request.method == "GET" else reverse("accounts:security"),
    }
