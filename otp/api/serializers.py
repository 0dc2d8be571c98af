"""The shape of requests and answers. Nothing here decides or acts."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from otp.codes import MAX_CODE_LENGTH, MAX_TYPED_CODE_LENGTH, MIN_CODE_LENGTH, fold_code, is_digits
from otp.destinations import MAX_TYPED_LENGTH, fold_email
from otp.models import Verification
from otp.purposes import Channel, Purpose

MAX_PASSWORD_LENGTH = 1024


class TextField(serializers.CharField):
    """Text given as text: a JSON number has lost its leading zeros, and `true` is no phone number."""

    default_error_messages = {"not_text": _("Write this as text, in quotes.")}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        return super().to_internal_value(data)


class CodeField(TextField):
    """The digits, however they are written: `123 456`, `123-456`, full-width. Folded before anything is counted."""

    default_error_messages = {
        "not_digits": _("A code is made of digits only."),
        "wrong_length": _("A code has 4 to 10 digits."),
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_TYPED_CODE_LENGTH, **options)

    def to_internal_value(self, data: Any) -> str:
        code = fold_code(super().to_internal_value(data))
        if not is_digits(code):
            self.fail("not_digits")
        if not MIN_CODE_LENGTH <= len(code) <= MAX_CODE_LENGTH:
            self.fail("wrong_length")
        return code


class EmailField(TextField, serializers.EmailField):
    """An e-mail address, folded to the spelling that accounts are kept under."""

    def to_internal_value(self, data: Any) -> str:
        return fold_email(super().to_internal_value(data))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(fold_email(data) if isinstance(data, str) else data)


class PasswordField(TextField):
    def __init__(self, **options: Any) -> None:
        # Blanks count: a password is taken to the letter.
        super().__init__(
            max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, style={"input_type": "password"}, **options
        )


class SendOtpSerializer(serializers.Serializer[Any]):
    to = TextField(max_length=MAX_TYPED_LENGTH, help_text="A phone number in any international spelling, or an e-mail.")
    channel = serializers.ChoiceField(
        Channel.choices, required=False, initial=Channel.SMS, help_text="`sms`; `email` for an address."
    )
    purpose = serializers.ChoiceField(
        [Purpose.VERIFICATION, Purpose.REGISTRATION, Purpose.PASSWORD_RESET],
        required=False,
        initial=Purpose.VERIFICATION,
        help_text="Binds the code to this use. Without it the first public call that uses the code gets it.",
    )
    locale = serializers.RegexField(
        r"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?\Z",
        max_length=10,
        required=False,
        initial="en",
        help_text="Language of the message. One that Twilio does not have is left out.",
    )


class ResetStartedSerializer(serializers.Serializer[Verification]):
    """Says nothing about whether there is an account."""

    status = serializers.ChoiceField(["pending"], read_only=True)
    to = serializers.CharField(source="destination_masked", read_only=True, help_text="Masked.")
    channel = serializers.ChoiceField(Channel.choices, read_only=True, help_text="The last one used.")
    expires_in = serializers.IntegerField(read_only=True, help_text="Seconds.")
    resend_in = serializers.IntegerField(read_only=True, help_text="Seconds.")


class SentSerializer(ResetStartedSerializer):
    """What a send leaves its caller with."""

    verification_id = serializers.UUIDField(source="id", read_only=True)
    attempts_left = serializers.IntegerField(read_only=True)


class VerifyOtpSerializer(serializers.Serializer[Any]):
    to = TextField(max_length=MAX_TYPED_LENGTH, required=False)
    verification_id = serializers.UUIDField(required=False, help_text="Instead of `to`.")
    code = CodeField()

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not (data.get("to") or data.get("verification_id")):
            raise serializers.ValidationError({"to": [_("Say where the code was sent, or give its verification_id.")]})
        return data


class VerifiedSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    status = serializers.ChoiceField(["approved"])
    verification_token = serializers.CharField(help_text="Signed; one use within ten minutes.")


class ProofSerializer(serializers.Serializer[Any]):
    """What requests that rest on a proof have in common: a code, or the token of one that was proven."""

    email = EmailField(max_length=MAX_TYPED_LENGTH)
    phone = TextField(max_length=MAX_TYPED_LENGTH)
    otp_code = CodeField(required=False, source="code")
    verification_token = TextField(max_length=512, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("code" in data) == ("verification_token" in data):
            raise serializers.ValidationError({"otp_code": [_("Give the code, or a verification_token instead.")]})
        return data


class RegisterSerializer(ProofSerializer):
    password = PasswordField()


class RegisteredUserSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    email = serializers.EmailField()
    phone = serializers.CharField()
    phone_verified = serializers.BooleanField(default=True)
    two_factor_enabled = serializers.BooleanField(default=False)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "email": instance.email,
            "phone": instance.phone,
            "phone_verified": instance.phone_verified_at is not None,
            "two_factor_enabled": getattr(instance, "two_factor_enabled", False),
        }


class RegisteredSerializer(serializers.Serializer[Any]):
    user = RegisteredUserSerializer()


class ResetStartSerializer(serializers.Serializer[Any]):
    email = EmailField(max_length=MAX_TYPED_LENGTH)
    phone = TextField(max_length=MAX_TYPED_LENGTH)


class ResetFinishSerializer(ProofSerializer):
    new_password = PasswordField()
    email_code = CodeField(required=False, help_text="After `second_proof_required`: the code sent to the e-mail.")
    totp_code = CodeField(required=False, help_text="Instead: a code of the authenticator app.")
    backup_code = TextField(max_length=MAX_TYPED_CODE_LENGTH, required=False, help_text="Instead: a backup code.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        data = super().validate(data)
        fields = {"email": "email_code", "totp": "totp_code", "backup_code": "backup_code"}
        data["proofs"] = {method: data.pop(name) for method, name in fields.items() if name in data}
        return data


class ResetFinishedSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["password_changed"])


class ErrorSerializer(serializers.Serializer[Any]):
    """Every error of this API."""

    error = serializers.CharField(help_text="One sentence for a person.")
    code = serializers.CharField(help_text="Stable, for programs.")
    fields = serializers.DictField(  # type: ignore[assignment]  # a key of the answer, not the serializer's own
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="Name → sentences."
    )
    retry_after = serializers.IntegerField(required=False, help_text="Seconds; also the `Retry-After` header.")
    attempts_left = serializers.IntegerField(required=False)
    methods = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="By which the person can go on."
    )
    verification_token = serializers.CharField(
        required=False, help_text="With `email_taken`, `phone_taken` and `second_proof_required`."
    )


class VerifyErrorSerializer(ErrorSerializer):
    valid = serializers.BooleanField(required=False, default=False)
