"""What a page asks the server about the session's time, and the button by which a person stays signed in."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from accounts.middleware import before_enrolment, polled
from accounts.session_time import measure
from accounts.views.pages import open_page


@polled
@open_page
@before_enrolment
@require_http_methods(["GET", "POST"])
def session_time(request: HttpRequest) -> HttpResponse:
    """Say how many seconds are left: `{"left": 1800, "is_final": false}`. A POST counts as use of the session.

    A page that moves money asks with `?money=1`: its time is shorter.
    """
    return JsonResponse(asdict(measure(request, is_money="money" in request.GET)))
