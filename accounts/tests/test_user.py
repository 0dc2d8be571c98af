"""People as they are stored."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import override_settings
from django.utils import timezone

from accounts.management.commands.run_site import Command
from accounts.models import User
from accounts.password_validation import ProductNameValidator
from smartfin import settings as site_settings

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"


class TestUser:
    @pytest.mark.parametrize("typed", ["Ann@Example.com", " ANN@EXAMPLE.COM ", "ann@example.com"])
    def test_signs_in_by_address_however_it_is_typed(self, typed):
        ann = User.objects.create_user("Ann@Example.com", "securepass123")

        assert authenticate(username=typed, password="securepass123") == ann

    def test_an_address_has_one_account_however_it_is_typed(self):
        User.objects.create_user("ann@example.com")

        with pytest.raises(IntegrityError):
            User.objects.create_user("ANN@example.com")

    @pytest.mark.requirement("REC-12")
    def test_a_proven_number_has_one_account(self):
        User.objects.create_user("ann@example.com", phone=NUMBER, phone_verified_at=timezone.now())
        User.objects.create_user("bob@example.com", phone=NUMBER)

        with pytest.raises(IntegrityError):
            User.objects.create_user("eve@example.com", phone=NUMBER, phone_verified_at=timezone.now())

    @pytest.mark.parametrize("phone", ["12025550123", "+0202555012", "+1202", "+1 202 555 0123", "+12025550123x9", "x"])
    def test_a_number_is_e164_or_the_database_refuses_it(self, phone):
        with pytest.raises(IntegrityError):
            User.objects.create_user("ann@example.com", phone=phone)

    def test_no_number_cannot_be_proven(self):
        with pytest.raises(IntegrityError):
            User.objects.create_user("ann@example.com", phone_verified_at=timezone.now())

    def test_a_superuser_can_be_made(self):
        call_command("createsuperuser", interactive=False, email="root@example.com", verbosity=0)

        assert User.objects.get().is_superuser


class TestPasswordHashing:
    @override_settings(PASSWORD_HASHERS=site_settings.PASSWORD_HASHERS)
    def test_is_argon2id_at_owasp_cost(self):
        user = User.objects.create_user("ann@example.com", "securepass123")

        assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
        assert get_hasher() is identify_hasher(user.password)


class TestProductNameValidator:
    @pytest.mark.requirement("REC-14")
    @pytest.mark.parametrize(
        ("password", "is_good"),
        [("SmartFin2026!", False), ("smartfin", False), ("my smartfin", False), ("smartfin is where money is", True)],
    )
    def test_refuses_the_name_with_trimmings(self, password, is_good):
        if is_good:
            ProductNameValidator().validate(password)
        else:
            with pytest.raises(ValidationError):
                ProductNameValidator().validate(password)


class TestRunSite:
    def test_leaves_a_staff_login_that_works_and_says_where_things_are(self, settings, client, capsys, read_code):
        settings.DEBUG = True
        for _ in range(2):
            Command().prepare()
            output = capsys.readouterr().out
        password = output.split("with password ")[1].split()[0]

        client.post("/accounts/login/", {"email": "demo@smartfin.example", "password": password, "next": "/admin/"})
        answer = client.post("/accounts/login/code/", {"code": read_code("+12025550100")})
        assert answer["Location"] == "/admin/"
        assert client.get("/admin/").status_code == 200
        assert User.objects.count() == 1
        for line in (
            f"  Register        {settings.SITE_URL}/accounts/register/",
            f"Account SID {settings.TWILIO_ACCOUNT_SID}",
            f"Auth token {settings.TWILIO_AUTH_TOKEN}",
            f"Service SID {settings.TWILIO_VERIFY_SERVICE_SID}",
        ):
            assert line in output.splitlines()

    def test_is_for_development_only(self, settings):
        settings.DEBUG = False

        with pytest.raises(CommandError):
            Command().prepare()
        assert User.objects.count() == 0


class TestAdmin:
    @pytest.mark.parametrize("model", ["accounts/user", "otp/verification", "otp/verificationattempt"])
    def test_lists_open(self, model, admin_client):
        assert admin_client.get(f"/admin/{model}/").status_code == 200
