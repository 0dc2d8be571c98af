"""What staff must know of before anything else."""

from django import template
from django.template.context import RequestContext

from otp.models import Alert

register = template.Library()
MOST_SHOWN = 5


@register.simple_tag(takes_context=True)
def standing_alerts(context: RequestContext) -> list[Alert]:
    """Give the alerts of the last hour to staff who may see attempts; nothing to anybody else."""
    request = context.get("request")
    if request is None or not request.user.has_perm("otp.view_verificationattempt"):
        return []
    return list(Alert.objects.standing()[:MOST_SHOWN])
