"""The shape of the calls of payments. Nothing here decides or acts."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import FactorCodeSerializer
from accounts.factors.methods import Method
from otp.api.serializers import TextField
from otp.models import TransactionApproval
from otp.models.approval import ApprovalStatus
from otp.money import MAX_PAYEE_LENGTH, MAX_REFERENCE_LENGTH
from otp.purposes import Channel

MAX_TYPED_AMOUNT_LENGTH = 32


class ApprovalCreateSerializer(serializers.Serializer[Any]):
    amount = TextField(
        max_length=MAX_TYPED_AMOUNT_LENGTH,
        trim_whitespace=False,
        help_text="Digits and a point, with at most as many decimals as the currency has: `120.00`.",
    )
    currency = TextField(max_length=3, trim_whitespace=False, help_text="ISO 4217, in capital letters.")
    payee = TextField(max_length=4 * MAX_PAYEE_LENGTH, help_text="At most 70 characters.")
    reference = TextField(
        max_length=4 * MAX_REFERENCE_LENGTH, required=False, allow_blank=True, help_text="At most 140 characters."
    )
    channel = serializers.ChoiceField(
        Channel.choices, required=False, help_text="Text messages alone can carry amount and payee."
    )


class ApprovalSendSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Channel.choices, required=False, initial=Channel.SMS)


class ApprovalConfirmSerializer(FactorCodeSerializer):
    """The proof, and nothing else: what is paid, to whom and by whom is not for the request to say."""


class ApprovalSerializer(serializers.Serializer[Any]):
    """A payment to confirm. `to`, `channel` and `resend_in` are null until a code was sent."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(ApprovalStatus.choices)
    amount = serializers.CharField(source="amount_text")
    currency = serializers.CharField()
    payee = serializers.CharField()
    reference = serializers.CharField()
    to = serializers.CharField(
        source="verification.destination_masked", default=None, allow_null=True, help_text="Masked."
    )
    channel = serializers.CharField(source="verification.channel", default=None, allow_null=True)
    methods = serializers.ListField(
        child=serializers.ChoiceField(Method.choices), help_text="By what it can be confirmed."
    )
    expires_in = serializers.IntegerField(help_text="Seconds; 0 where nothing is awaited any more.")
    resend_in = serializers.IntegerField(allow_null=True, help_text="Seconds until the code can be sent again.")
    attempts_left = serializers.IntegerField(source="tries_left")
    problem = serializers.CharField(
        required=False, help_text="Why no code went out, as a sentence; other methods work."
    )

    def to_representation(self, instance: TransactionApproval) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not shown["problem"]:
            del shown["problem"]
        if instance.status != ApprovalStatus.PENDING:
            shown["expires_in"] = 0
        return shown


class ApprovedSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["approved"])
    approval_token = serializers.CharField(help_text="Signed; one use within five minutes, for this payment.")
