"""Pages on which a person sees what they are about to pay, and confirms it."""

from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.assurance import Step, lead_to_proof
from accounts.exceptions import FactorRequired, StepUpRequired
from accounts.factors.methods import Method
from accounts.forms.base import describe, say_wait
from accounts.forms.code import FactorForm, ResendForm
from accounts.middleware import money_page
from accounts.views.pages import View, closed_page, describe_waiting, show_form
from accounts.waiting import Waiting
from otp.exceptions import NotFound, OtpError
from otp.flows import approvals
from otp.models import TransactionApproval
from otp.models.approval import ApprovalStatus
from otp.payers import PHONE
from otp.payments import KEPT_IN
from otp.purposes import Channel


class Onward(HttpResponseRedirect):
    """Goes on with the same `POST`: the payment is made by the request that confirmed it, without another click."""

    status_code = 307


def payment_page(view: View) -> View:
    """What these pages have in common: whose they are, and what to do where the session may not confirm."""

    @wraps(view)
    def guarded(request: HttpRequest, pk: UUID) -> HttpResponse:
        try:
            return view(request, pk)
        except NotFound:
            raise Http404 from None
        except StepUpRequired:
            return lead_to_proof(Step.PAYMENT, reverse("accounts:approve", args=[pk]))
        except FactorRequired:
            return redirect("accounts:two-factor")

    return money_page(closed_page(guarded))


@payment_page
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the payment, and take the code for it; or how it ended."""
    try:
        approval = approvals.get(request, pk)
    except (NotFound, StepUpRequired, FactorRequired):
        raise
    except OtpError as error:  # the phone number is too new to confirm alone
        return _show(request, approvals.find(request, pk), problem=describe(error))
    if approval.status != ApprovalStatus.PENDING:
        return _show(request, approval)
    method = _choose_method(request, approval)
    form = FactorForm(request.POST if request.method == "POST" else None, method=method)
    refusal = None
    if form.is_valid():
        try:
            token = approvals.confirm(request, pk, **form.cleaned_data, method=method)
        except (NotFound, StepUpRequired, FactorRequired):
            raise
        except OtpError as error:
            form.add_refusal(refusal := error)
            approval = approvals.find(request, pk)
        else:
            # SECURITY: in the session, on the server: a token in an address would be in logs and histories.
            request.session[KEPT_IN] = token
            return _go_on(approval)
    return _show(request, approval, form=form, refusal=refusal)


@payment_page
def approve_send(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send the code, the first time or again."""
    if request.method != "POST":
        return redirect("accounts:approve", pk)
    try:
        approvals.send(request, pk)
    except (NotFound, StepUpRequired, FactorRequired):
        raise
    except OtpError as error:
        form = ResendForm({}, channels=[Channel.SMS])
        form.add_refusal(error)
        return _show(request, approvals.find(request, pk), form=form, refusal=error, asked=PHONE)
    messages.success(request, _("A code is on its way."))
    # The page by itself asks for what comes first, which may be a passkey.
    return HttpResponseRedirect(f"{reverse('accounts:approve', args=[pk])}?method={PHONE}")


@payment_page
def approve_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Void the payment."""
    if request.method == "POST":
        try:
            approvals.cancel(request, pk)
        except NotFound:
            raise
        except OtpError as error:
            messages.error(request, describe(error))
    return redirect("accounts:approve", pk)


def _go_on(approval: TransactionApproval) -> HttpResponse:
    return Onward(approval.return_to) if approval.return_to else redirect("accounts:approve", approval.pk)


def _choose_method(request: HttpRequest, approval: TransactionApproval, asked: str = "") -> str:
    asked = asked or request.POST.get("method") or request.GET.get("method") or ""
    return asked if asked in approval.methods else approval.methods[0]


def _show(
    request: HttpRequest,
    approval: TransactionApproval,
    *,
    form: Any = None,
    refusal: OtpError | None = None,
    problem: str = "",
    asked: str = "",
) -> HttpResponse:
    """Show an approval as it stands now: a refusal may have ended it."""
    if approval.status != ApprovalStatus.PENDING or problem or (refusal and not approval.tries_left):
        response = render(request, "accounts/approvals/over.html", {"approval": approval, "problem": problem})
        if refusal and refusal.http_status >= 429:
            response.status_code = refusal.http_status
        return response
    approval.methods = approval.methods or approvals.get(request, approval.pk).methods
    method = _choose_method(request, approval, asked)
    waiting = Waiting.for_code(approval.verification) if approval.verification else None
    address = reverse("accounts:approve", args=[approval.pk])
    return show_form(
        request,
        "accounts/approvals/approve.html",
        form,
        refusal,
        approval=approval,
        code_form=form if isinstance(form, FactorForm) else FactorForm(method=method),
        method=method,
        time_left=say_wait(approval.expires_in),
        other_methods=[(other, f"{address}?method={other}") for other in approval.methods if other != method],
        **describe_waiting(waiting, channels=[Channel.SMS] if Method.OTP in approval.methods else []),
    )
