"""Strangers and crowds: what they cannot use up, and what they cannot outrun."""

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.factors import totp
from accounts.models import FactorBudget
from accounts.tests.people import show_totp_code, with_backup_codes, with_phone, with_totp
from accounts.tests.steps import LOGIN, LOGIN_CODE, call, give_code, give_password, is_signed_in
from otp.tests.parallel import run_copies


def get_failures(user):
    return FactorBudget.find(user).failures


@pytest.fixture
def ann(ann):
    """Ann, with every factor that has codes."""
    ann.backup_codes = with_backup_codes(with_phone(with_totp(ann)))
    return ann


@pytest.mark.django_db
class TestOutsiders:
    @pytest.mark.requirement("THR-12")
    def test_a_hundred_wrong_passwords_keep_the_owner_out_nowhere_they_are_known(self, client, ann):
        give_password(client)
        give_code(client, show_totp_code(ann, step=-1), "totp")
        client.post("/accounts/logout/")
        for n in range(100):
            Client().post(LOGIN, {"email": ann.email, "password": f"guess {n}"}, REMOTE_ADDR=f"198.51.100.{n}")
        assert give_password(Client()).status_code == 429

        assert give_password(client)["Location"] == LOGIN_CODE
        assert give_code(client, show_totp_code(ann), "totp")["Location"] == "/"

    @pytest.mark.requirement("THR-12")
    def test_a_stranger_s_reset_leaves_the_owner_s_code_alone(
        self, client, ann, read_code, django_capture_on_commit_callbacks
    ):
        give_password(client)
        call(client, "login/send", channel="sms")
        code = read_code()
        pair = {"email": ann.email, "phone": ann.phone}
        moment = timezone.now()
        for n in range(5):
            with time_machine.travel(moment + timezone.timedelta(seconds=60 * n)):
                with django_capture_on_commit_callbacks(execute=True):
                    call(Client(), "forgot-password-otp", **pair)
                call(Client(), "forgot-password-otp", **pair, otp_code=f"00000{n}", new_password="another-good-one")

        with time_machine.travel(moment + timezone.timedelta(minutes=6)):
            assert give_code(client, code)["Location"] == "/"


@pytest.mark.django_db(transaction=True)
class TestRace:
    @pytest.mark.requirement("THR-01", "THR-03")
    def test_of_fifty_wrong_codes_at_once_five_are_compared(self, ann, monkeypatch):
        clients = [Client() for _ in range(10)]
        for client in clients:
            give_password(client)
        compared = []
        compare = totp.check
        monkeypatch.setattr(totp, "check", lambda user, code: compared.append(code) or compare(user, code))

        answers = run_copies(50, lambda n: call(clients[n % 10], "login/verify", code=f"{n:06}", method="totp"))

        assert len(compared) == 5
        assert get_failures(ann) == 5
        assert {answer.status_code for answer in answers} <= {400, 403, 429}
        assert not any(is_signed_in(client) for client in clients)
