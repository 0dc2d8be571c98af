"""Pages on which somebody who is signed in confirms that it is them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.assurance import Step
from accounts.exceptions import FactorRequired, FactorsBlocked
from accounts.factors.methods import Method
from accounts.factors.phone import list_channels
from accounts.flows import step_up
from accounts.forms.base import PageForm, describe
from accounts.forms.code import FactorForm, ResendForm
from accounts.middleware import before_enrolment
from accounts.views.login import get_safe_next
from accounts.views.pages import closed_page, describe_waiting, post_only, show_form
from accounts.views.security import switch_as_wanted
from otp.exceptions import OtpError
from otp.purposes import Purpose


@closed_page
@before_enrolment
def confirm(request: HttpRequest) -> HttpResponse:
    """Take a proof for the step that `for` names, and lead on to `next`."""
    step = _read_step(request)
    try:
        methods = step_up.list_methods(request, step)
    except FactorRequired:
        return redirect("accounts:two-factor")
    method = _choose_method(request, methods)
    form = FactorForm(request.POST if request.method == "POST" else None, method=method)
    refusal = None
    if form.is_valid():
        try:
            step_up.prove(request, step, **form.cleaned_data, method=method)
        except FactorsBlocked as error:
            messages.error(request, describe(error))
            return redirect("accounts:login")
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            done = switch_as_wanted(request) if step == Step.TWO_FACTOR else None
            return done or HttpResponseRedirect(get_safe_next(request, reverse("accounts:security")))
    return _show(request, step, methods, form, refusal)


@closed_page
@before_enrolment
@post_only("accounts:security")
def confirm_send(request: HttpRequest) -> HttpResponse:
    """Send the code."""
    step = _read_step(request)
    form = ResendForm(request.POST, channels=list_channels(request.user, Purpose.STEP_UP))
    try:
        methods = step_up.list_methods(request, step)
        if form.is_valid():
            step_up.send(request, step, **form.cleaned_data)
    except FactorRequired:
        return redirect("accounts:two-factor")
    except OtpError as error:
        form.add_refusal(error)
        return _show(request, step, methods, form, error)
    if form.errors:
        return _show(request, step, methods, form)
    messages.success(request, _("A code is on its way."))
    return redirect(_get_address(request, step, Method.OTP))


def _read_step(request: HttpRequest) -> str:
    step = request.POST.get("for") or request.GET.get("for") or ""
    if step not in Step.values:
        raise Http404
    return step


def _choose_method(request: HttpRequest, methods: list[str]) -> str:
    asked = request.POST.get("method") or request.GET.get("method") or ""
    return asked if asked in methods else methods[0]


def _get_address(request: HttpRequest, step: str, method: str) -> str:
    query = request.GET.copy()
    query["for"], query["method"] = step, method
    query["next"] = get_safe_next(request, reverse("accounts:security"))
    return f"{reverse('accounts:confirm')}?{query.urlencode()}"


def _show(
    request: HttpRequest, step: str, methods: list[str], form: PageForm, refusal: OtpError | None = None
) -> HttpResponse:
    method = _choose_method(request, methods)
    begun = step_up.find(request, step)
    return show_form(
        request,
        "accounts/step_up/confirm.html",
        form,
        refusal,
        code_form=form if isinstance(form, FactorForm) else FactorForm(method=method),
        step=step,
        step_label=Step(step).label,
        method=method,
        other_methods=[(other, _get_address(request, step, other)) for other in methods if other != method],
        next_url=get_safe_next(request, reverse("accounts:security")),
        **describe_waiting(begun.waiting, channels=list_channels(request.user, Purpose.STEP_UP)),
    )
