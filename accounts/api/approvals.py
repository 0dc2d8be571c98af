"""The calls of payments to confirm. Each reads a shape, makes one call into the domain, and writes a shape."""

from typing import Any
from uuid import UUID

from rest_framework import status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import approvals_schema as schema
from accounts.api.approvals_serializers import (
    ApprovalConfirmSerializer,
    ApprovalCreateSerializer,
    ApprovalSendSerializer,
    ApprovalSerializer,
    ApprovedSerializer,
)
from accounts.api.passkeys_serializers import NoFieldsSerializer
from accounts.api.viewsets import SessionCallViewSet
from accounts.flows import passkeys
from otp.flows import approvals
from otp.models import TransactionApproval
from otp.models.approval import ApprovalStatus
from otp.payments import FIELD, attach_approval


class ApprovalRequired(BasePermission):
    """The token of a payment that this person approved: `approval_token` of the body, or the header `Approval-Token`.

    For views of your own; put it after `IsAuthenticated`. The view finds `request.approval` and
    `request.approval_token`, and must still call `redeem_approval` with what it pays.

    :raises PaymentNotApproved, PaymentOver: see `payments.attach_approval`
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.data.get(FIELD, "") if isinstance(request.data, dict) else ""
        attach_approval(request, token if isinstance(token, str) else "")
        return True


class ApprovalCallViewSet(SessionCallViewSet):
    """A call about payments: of whoever is signed in, about their own alone."""

    queryset = TransactionApproval.objects.none()  # type: ignore[assignment]  # of another model than the session's
    is_open_before_enrolment = False
    is_money = True

    def show(self, approval: TransactionApproval, *, status_code: int = status.HTTP_200_OK) -> Response:
        return Response(ApprovalSerializer(approval).data, status=status_code)


class ApprovalsViewSet(ApprovalCallViewSet):
    """Open a payment to confirm."""

    serializer_class = ApprovalCreateSerializer

    @schema.create
    def create(self, request: Request) -> Response:
        return self.show(approvals.create(request, **self.read(request)), status_code=status.HTTP_201_CREATED)


class ApprovalViewSet(ApprovalCallViewSet):
    """See a payment to confirm."""

    serializer_class = ApprovalSerializer
    # Pages ask for it while they wait: that is no sign of a person.
    is_polled = True

    @schema.retrieve
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return self.show(approvals.get(request, pk))


class ApprovalSendViewSet(ApprovalCallViewSet):
    """Send the payment's code again."""

    serializer_class = ApprovalSendSerializer

    @schema.send
    def create(self, request: Request, pk: UUID) -> Response:
        return self.show(approvals.send(request, pk, **self.read(request)))


class ApprovalConfirmViewSet(ApprovalCallViewSet):
    """Confirm a payment."""

    serializer_class = ApprovalConfirmSerializer

    @schema.confirm
    def create(self, request: Request, pk: UUID) -> Response:
        token = approvals.confirm(request, pk, **self.read(request))
        return Response(ApprovedSerializer({"status": ApprovalStatus.APPROVED, "approval_token": token}).data)


class ApprovalPasskeyViewSet(ApprovalCallViewSet):
    """Ask for a passkey that signs the payment."""

    serializer_class = NoFieldsSerializer

    @schema.passkey_options
    def create(self, request: Request, pk: UUID) -> Response:
        return Response(passkeys.begin_payment(request, pk))


class ApprovalCancelViewSet(ApprovalCallViewSet):
    """Cancel a payment."""

    serializer_class = ApprovalSerializer

    @schema.cancel
    def create(self, request: Request, pk: UUID) -> Response:
        return self.show(approvals.cancel(request, pk))
