"""The shape of session calls. Nothing here decides or acts."""

import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.assurance import Step
from accounts.factors.methods import Method
from accounts.factors.passkey import MAX_ANSWER_LENGTH
from accounts.models import User
from otp.api.serializers import CodeField, PasswordField, TextField
from otp.codes import MAX_TYPED_CODE_LENGTH
from otp.destinations import MAX_TYPED_LENGTH, Destination
from otp.purposes import Channel


class LoginSerializer(serializers.Serializer[Any]):
    email = TextField(max_length=MAX_TYPED_LENGTH)
    password = PasswordField()


class WaitingSerializer(serializers.Serializer[Any]):
    """What a second step waits for."""

    methods = serializers.ListField(child=serializers.ChoiceField(Method.choices), required=False)
    channel = serializers.ChoiceField(
        Channel.choices, allow_null=True, required=False, help_text="Of a code that is out."
    )
    to = serializers.CharField(allow_null=True, required=False, help_text="Masked.")
    resend_in = serializers.IntegerField(required=False, help_text="Seconds.")
    problem = serializers.CharField(
        required=False, help_text="Why no code went out, as a sentence; other methods work."
    )


class LoginDoneSerializer(WaitingSerializer):
    status = serializers.ChoiceField(["authenticated", "second_factor_required"])


class SendSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Channel.choices, required=False, help_text="The preferred one, unless named.")


class CredentialField(serializers.DictField):
    """What `navigator.credentials` gave, as its `toJSON()` writes it. Comes out as JSON, for whoever checks it."""

    default_error_messages = {"too_long": _("That is too long for a passkey.")}

    def to_internal_value(self, data: Any) -> Any:
        answer = json.dumps(super().to_internal_value(data))
        if len(answer) > MAX_ANSWER_LENGTH:
            self.fail("too_long")
        return answer


class FactorCodeSerializer(serializers.Serializer[Any]):
    """A code of any factor, or a passkey's answer; `code` then holds that.

    Backup codes have letters too; everything else folds to digits.
    """

    code = TextField(
        max_length=MAX_TYPED_CODE_LENGTH,
        trim_whitespace=False,
        required=False,
        help_text="Of any method but `passkey`.",
    )
    method = serializers.ChoiceField(
        Method.choices, required=False, initial=Method.OTP, help_text="`otp` unless named."
    )
    credential = CredentialField(required=False, help_text="Of `passkey`: what `navigator.credentials.get()` gave.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        method = data.get("method", Method.OTP)
        credential = data.pop("credential", None)
        name = "credential" if method == Method.PASSKEY else "code"
        if (credential if method == Method.PASSKEY else data.get("code")) is None:
            raise serializers.ValidationError({name: [self.fields[name].error_messages["required"]]})
        if method == Method.PASSKEY:
            data["code"] = credential
        elif method != Method.BACKUP_CODE:
            field = CodeField()
            try:
                data["code"] = field.run_validation(data["code"])
            except serializers.ValidationError as error:
                raise serializers.ValidationError({"code": error.detail}) from None
        return data


class LoginVerifySerializer(FactorCodeSerializer):
    trust_browser = serializers.BooleanField(
        required=False, help_text="Ask for no code in this browser for 30 days. Not for staff."
    )


class StepUpSendSerializer(SendSerializer):
    step = serializers.ChoiceField(Step.choices, required=False, initial=Step.TWO_FACTOR)


class StepUpVerifySerializer(FactorCodeSerializer):
    step = serializers.ChoiceField(Step.choices, required=False, initial=Step.TWO_FACTOR)


class ProvenSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["proven"])
    expires_in = serializers.IntegerField(help_text="Seconds that the proof is good for.")


class TwoFactorSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()

    def to_internal_value(self, data: Any) -> Any:
        # JSON has booleans; "false" and 0 are somebody's mistake, and this is no place to guess.
        if isinstance(data, dict) and not isinstance(data.get("enabled", True), bool):
            raise serializers.ValidationError({"enabled": [_("Write true or false.")]})
        return super().to_internal_value(data)


class LogoutDoneSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["signed_out"])


class PersonSerializer(serializers.ModelSerializer[User]):
    """The person themself."""

    phone = serializers.SerializerMethodField(help_text="Masked; empty without one.")
    phone_verified = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "email", "phone", "phone_verified", "two_factor_enabled"]
        read_only_fields = fields

    def get_phone(self, user: User) -> str:
        return Destination(user.phone).masked if user.phone else ""

    def get_phone_verified(self, user: User) -> bool:
        return user.phone_verified_at is not None


class SecondFactorSerializer(serializers.Serializer[Any]):
    required = serializers.BooleanField()  # type: ignore[assignment]  # a key of the answer, not the serializer's own
    methods = serializers.ListField(child=serializers.CharField())
    to = serializers.CharField(allow_null=True)


class SessionSerializer(serializers.Serializer[Any]):
    authenticated = serializers.BooleanField()
    user = PersonSerializer(allow_null=True)
    csrf_token = serializers.CharField(help_text="For the `X-CSRFToken` header. A new one after signing in.")
    second_factor = SecondFactorSerializer()
