"""Two pages: say what to pay, and pay what was confirmed."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.forms.base import describe
from accounts.middleware import money_page
from accounts.views.pages import closed_page, show_form
from examples.transfer.forms import TransferForm
from examples.transfer.models import CURRENCY, Account, NotEnough
from otp.exceptions import OtpError
from otp.flows import approvals
from otp.payments import approval_required, redeem_approval

KEY = "transfer"  # session key: what this person is about to pay


@closed_page
@money_page
def transfer(request: HttpRequest) -> HttpResponse:
    """Show the balance, and take what to pay to whom."""
    account = Account.open_for(request.user)
    form = TransferForm(request.POST if request.method == "POST" else None, payer=account)
    refusal = None
    if form.is_valid():
        payee, amount = form.cleaned_data["payee"], form.cleaned_data["amount"]
        try:
            approval = approvals.create(
                request, amount=amount, currency=CURRENCY, payee=payee.name, return_to=reverse("transfer:pay")
            )
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            # What is paid later is what is written down here, on the server: nothing comes from the browser again.
            request.session[KEY] = {"payee": payee.pk, "amount": approval.amount_text}
            return redirect("accounts:approve", approval.pk)
    return show_form(request, "transfer/transfer.html", form, refusal, account=account, currency=CURRENCY)


@require_POST
@money_page
@approval_required
def pay(request: Any) -> HttpResponse:
    """Pay what was confirmed: approval and money move together, once, or not at all."""
    wanted = request.session.get(KEY) or {}
    payee = get_object_or_404(Account, pk=wanted.get("payee"))
    amount = Decimal(wanted["amount"])
    try:
        with transaction.atomic():
            redeem_approval(
                request.approval_token, user=request.user, amount=amount, currency=CURRENCY, payee=payee.name
            )
            request.user.account.pay(payee, amount)
    except OtpError as error:
        messages.error(request, describe(error))
    except NotEnough:
        messages.error(request, "You don’t have that much. Nothing was paid.")
    else:
        messages.success(request, f"Paid {amount} {CURRENCY} to {payee.name}.")
    return redirect("transfer:transfer")
