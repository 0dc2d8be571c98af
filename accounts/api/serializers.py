"""The shape of session calls. Nothing here decides or acts."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from otp.api.serializers import PasswordField, TextField
from otp.destinations import MAX_TYPED_LENGTH, Destination


class LoginSerializer(serializers.Serializer[Any]):
    email = TextField(max_length=MAX_TYPED_LENGTH)
    password = PasswordField()


class LoginDoneSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["authenticated"])


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
