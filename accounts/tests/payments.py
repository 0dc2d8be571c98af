"""What tests of payments to confirm share."""

from otp.models import TransactionApproval
from otp.sandbox.models import ReceivedCall

PAYMENT = {"amount": "120.00", "currency": "EUR", "payee": "Alice GmbH"}


def open_payment(api, **changes):
    answer = api.post("/api/approvals", {**PAYMENT, **changes}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()["id"]


def confirm(api, approval_id, code, **fields):
    return api.post(f"/api/approvals/{approval_id}/confirm", {"code": code, **fields}, format="json")


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def get_status(approval_id):
    return TransactionApproval.objects.get(pk=approval_id).status


def count_checks():
    return ReceivedCall.objects.filter(path__endswith="/VerificationCheck").count()
