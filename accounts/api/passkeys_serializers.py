"""The shape of the calls of passkeys."""

from typing import Any

from django_otp_webauthn.models import WebAuthnCredential
from rest_framework import serializers

from accounts.api.serializers import CredentialField
from accounts.assurance import Step
from accounts.models.devices import NAME_LENGTH
from otp.api.serializers import TextField


class StepSerializer(serializers.Serializer[Any]):
    step = serializers.ChoiceField(Step.choices, required=False, initial=Step.TWO_FACTOR)


class NoFieldsSerializer(serializers.Serializer[Any]):
    """A call without a body."""


class PasskeyNameSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=NAME_LENGTH, help_text="So that the person knows it again.")


class NewPasskeySerializer(PasskeyNameSerializer):
    credential = CredentialField(help_text="What `navigator.credentials.create()` gave.")


class PasskeySerializer(serializers.ModelSerializer[WebAuthnCredential]):
    """One passkey of the person."""

    synced = serializers.BooleanField(
        source="backup_state", help_text="Kept by a password manager, for all of the person's devices."
    )

    class Meta:
        model = WebAuthnCredential
        fields = ["id", "name", "created_at", "last_used_at", "synced"]
        read_only_fields = fields
