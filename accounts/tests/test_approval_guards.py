"""What opens a view to whoever brings the token of a payment: the decorator, and the permission for viewsets."""

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.viewsets import ViewSet

from accounts.api.approvals import ApprovalRequired
from accounts.tests.people import make_person
from otp.models import TransactionApproval
from otp.money import read_amount
from otp.payments import KEPT_IN, approval_required, make_token

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("TXN-03", "TXN-05")]


@approval_required
def pay(request):
    return HttpResponse(f"{request.approval.payee} {request.approval_token}")


class PayViewSet(ViewSet):
    permission_classes = [ApprovalRequired]

    def create(self, request):
        return Response({"payee": request.approval.payee, "token": request.approval_token})


@pytest.fixture
def token(ann):
    approval = TransactionApproval.start(ann, amount=read_amount("9.00", "EUR"), currency="EUR", payee="Alice")
    approval.approve("otp")
    return make_token(approval)


def call_page(user, *, kept="", **options):
    request = APIRequestFactory().post("/pay/", options.pop("body", None), format="multipart", **options)
    request.user, request.session = user, SessionStore()
    if kept:
        request.session[KEPT_IN] = kept
    return pay(request)


def call_api(user, body=None, **options):
    request = APIRequestFactory().post("/pay/", body, format="json", **options)
    request.session = SessionStore()
    force_authenticate(request, user)
    return PayViewSet.as_view({"post": "create"})(request)


class TestDecorator:
    @pytest.mark.parametrize("place", ["field", "header", "session"])
    def test_takes_the_token_from_where_it_may_be(self, ann, token, place):
        ways = {
            "field": {"body": {"approval_token": token}},
            "header": {"headers": {"Approval-Token": token}},
            "session": {"kept": token},
        }

        assert call_page(ann, **ways[place]).content.decode() == f"Alice {token}"

    @pytest.mark.parametrize("kept", ["", "nonsense"])
    def test_refuses_whoever_brings_none(self, ann, kept):
        with pytest.raises(PermissionDenied):
            call_page(ann, kept=kept)

    def test_refuses_somebody_else_and_what_is_not_approved(self, ann, token):
        with pytest.raises(PermissionDenied):
            call_page(make_person("bob@example.com", ""), kept=token)
        TransactionApproval.objects.get().cancel()
        with pytest.raises(PermissionDenied):
            call_page(ann, kept=token)


class TestPermission:
    def test_takes_the_token_from_the_body_or_the_header(self, ann, token):
        assert call_api(ann, {"approval_token": token}).data == {"payee": "Alice", "token": token}
        assert call_api(ann, headers={"Approval-Token": token}).data["payee"] == "Alice"

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({}, 403, "step_up_required"),
            ({"approval_token": 7}, 403, "step_up_required"),
            ({"approval_token": "nonsense"}, 400, "code_expired"),
        ],
    )
    def test_says_why_not(self, ann, token, body, status, code):
        answer = call_api(ann, body)

        assert (answer.status_code, answer.data["code"]) == (status, code)
