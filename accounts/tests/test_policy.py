"""Who must have a second factor, and what happens until they have."""

import pytest
import time_machine
from django.utils import timezone

from accounts import policy
from accounts.models import User
from accounts.tests.people import sign_in, with_totp
from accounts.tests.steps import ask_for_proof, call, give_password, give_proof

pytestmark = pytest.mark.django_db


class TestPolicy:
    """`OTP_REQUIRE_2FA_FOR` and the person's own fields, against each other."""

    @pytest.mark.parametrize(
        ("rule", "fields", "required", "due"),
        [
            ("none", {}, False, False),
            ("none", {"is_staff": True}, False, False),
            ("staff", {}, False, False),
            ("staff", {"is_staff": True}, True, True),
            ("all", {}, True, True),
            ("none", {"two_factor_required": True}, True, True),
            ("none", {"two_factor_required": True, "two_factor_grace_until": 1}, True, False),
            ("none", {"two_factor_required": True, "two_factor_grace_until": -1}, True, True),
            ("none", {"two_factor_grace_until": -1}, False, False),
            ("staff", {"is_staff": True, "two_factor_required": True, "two_factor_grace_until": 1}, True, True),
            ("all", {"two_factor_required": True, "two_factor_grace_until": 1}, True, True),
        ],
    )
    def test_who_must_and_from_when(self, rule, fields, required, due, ann, settings):
        settings.OTP_REQUIRE_2FA_FOR = rule
        for name, value in fields.items():
            setattr(ann, name, timezone.now() + timezone.timedelta(value) if name.endswith("until") else value)
        ann.save()

        assert (policy.is_required(ann), policy.is_due(ann), policy.must_enrol(ann)) == (required, due, due)
        with_totp(ann, two_factor_enabled=False)
        assert policy.must_enrol(ann) is False
        assert policy.list_asked_at_sign_in(ann) == (["totp"] if required else [])


class TestEnrolmentFirst:
    def test_every_page_leads_there_and_every_call_says_so(self, client, ann):
        sign_in(client, ann)
        assert client.get("/").status_code == 200
        User.objects.update(two_factor_required=True)

        for address in ("/", "/accounts/security/channel/", "/accounts/security/backup-codes/"):
            assert client.get(address)["Location"] == "/accounts/security/two-factor/", address
        for address in ("/accounts/security/", "/accounts/security/two-factor/", "/api/session", "/api/me"):
            assert client.get(address).status_code == 200, address
        assert client.post("/accounts/logout/").status_code == 302

    def test_in_the_grace_nothing_is_in_the_way_and_after_it_something_is(self, client, ann):
        User.objects.update(
            two_factor_required=True, two_factor_grace_until=timezone.now() + timezone.timedelta(days=3)
        )
        assert give_password(client)["Location"] == "/"
        assert client.get("/").status_code == 200

        with time_machine.travel(timezone.now() + timezone.timedelta(days=4)):
            give_password(client)
            assert client.get("/", follow=True).request["PATH_INFO"] == "/accounts/security/two-factor/"

    def test_the_public_api_is_blind_to_it(self, client, ann, post):
        User.objects.update(two_factor_required=True)
        sign_in(client, ann)

        assert call(client, "send-otp", to="+12025550188").status_code == 201

    def test_it_ends_with_the_first_factor(self, client, ann, read_code):
        User.objects.update(two_factor_required=True)
        sign_in(client, ann)
        ask_for_proof(client, "factors")
        give_proof(client, "factors", read_code())
        client.post("/accounts/security/phone/")

        assert client.get("/").status_code == 200
