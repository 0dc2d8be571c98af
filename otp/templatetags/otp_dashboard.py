"""`{% dashboard as board %}`: what the admin's front page shows to those who may see attempts."""

from typing import Any

from django import template

from otp.operations.analytics import Dashboard
from otp.operations.board import Board

register = template.Library()


@register.simple_tag(takes_context=True)
def dashboard(context: dict[str, Any]) -> Board | None:
    """Give the dashboard; None to somebody who may not see attempts."""
    # SECURITY: the numbers tell how a business goes, and where its limits are.
    if not context["request"].user.has_perm("otp.view_verificationattempt"):
        return None
    return Board(Dashboard())
