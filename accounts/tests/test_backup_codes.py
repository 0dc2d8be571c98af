"""Backup codes: made once, shown once, good once each."""

import math
import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.factors import backup_codes
from accounts.models import BackupCode, FactorBudget
from accounts.tests.people import (
    make_person,
    show_totp_code,
    sign_in,
    with_backup_codes,
    with_phone,
    with_totp,
    with_totp_device,
)
from accounts.tests.steps import SECURITY, give_code, give_password, give_proof, is_signed_in, read
from otp.tests.parallel import run_copies

PAGE = "/accounts/security/backup-codes/"


def find_codes(answer):
    return re.findall(r"\b[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{5}\b", read(answer))


@pytest.mark.django_db
class TestMaking:
    @pytest.mark.requirement("BKP-01")
    def test_each_has_sixty_four_bits_and_more(self, ann):
        codes = with_backup_codes(ann)

        assert len(set(codes)) == 10
        assert all(len(backup_codes.fold(code)) == backup_codes.LENGTH for code in codes)
        assert len(set(backup_codes.ALPHABET)) == len(backup_codes.ALPHABET)
        assert backup_codes.LENGTH * math.log2(len(backup_codes.ALPHABET)) >= 64
        # From the generator for secrets, not the one for dice.
        assert backup_codes.secrets.choice.__self__.__class__.__name__ == "SystemRandom"

    @pytest.mark.requirement("BKP-01")
    def test_the_database_holds_keyed_hashes_alone(self, ann, settings):
        codes = with_backup_codes(ann)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM accounts_backupcode")
            stored = str(cursor.fetchall())

        for code in codes:
            for spelling in (code, code.replace("-", ""), code[:4]):
                assert spelling not in stored
        # Keyed, and bound to the person: neither the same codes nor another key give the same rows.
        hashed = backup_codes._hash(ann, "A" * 13, settings.OTP_HASH_KEYS[0])
        assert hashed != backup_codes._hash(make_person("bob@example.com", ""), "A" * 13, settings.OTP_HASH_KEYS[0])
        assert hashed != backup_codes._hash(ann, "A" * 13, "another key")

    @pytest.mark.requirement("BKP-03", "SES-10")
    def test_are_shown_once_after_a_fresh_proof_and_kept_by_no_cache(
        self, client, ann, django_capture_on_commit_callbacks
    ):
        sign_in(client, ann, device=with_totp_device(ann))
        for method in ("get", "post"):
            answer = getattr(client, method)(PAGE)
            assert answer["Location"].startswith("/accounts/confirm/?for=backup_codes")
        assert not BackupCode.objects.exists()
        give_proof(client, "backup_codes", show_totp_code(ann), "totp")

        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(PAGE)

        codes = find_codes(answer)
        assert len(set(codes)) == 10
        assert "no-store" in answer["Cache-Control"]
        assert "download" in read(answer)
        for page in (client.get(PAGE), client.get(SECURITY)):
            assert find_codes(page) == []
        assert "10 codes left" in read(client.get(SECURITY))
        assert [message.subject for message in mail.outbox] == ["New backup codes for your SmartFin account"]
        assert not any(code in mail.outbox[0].body for code in codes)

    @pytest.mark.requirement("BKP-03")
    def test_a_new_set_voids_the_old_one_and_the_count_goes_down(self, client, ann):
        with_totp(ann)
        old = with_backup_codes(ann)
        give_password(client)
        give_code(client, old[0], "backup_code")
        assert "9 codes left" in read(client.get(SECURITY))
        new = with_backup_codes(ann)

        for code, is_good in ((old[1], False), (new[0], True)):
            other = Client()
            give_password(other)
            give_code(other, code, "backup_code")
            assert is_signed_in(other) is is_good

    def test_who_has_no_factor_is_led_to_one_first(self, client, ann):
        sign_in(client, make_person("bob@example.com", ""))

        assert client.post(PAGE, follow=True).request["PATH_INFO"] == "/accounts/security/two-factor/"
        assert not BackupCode.objects.exists()


@pytest.mark.django_db
class TestUsing:
    @pytest.mark.requirement("BKP-02")
    def test_one_signs_in_once(self, client, ann):
        with_totp(ann)
        code = with_backup_codes(ann)[0]
        for is_good in (True, False):
            client = Client()
            give_password(client)
            give_code(client, code, "backup_code")
            assert is_signed_in(client) is is_good

    @pytest.mark.parametrize("spell", [str.lower, lambda code: code.replace("-", " "), lambda code: f"  {code}\n"])
    def test_however_it_was_copied_from_paper(self, spell, client, ann):
        with_totp(ann)
        code = with_backup_codes(ann)[0]
        give_password(client)

        give_code(client, spell(code), "backup_code")

        assert is_signed_in(client)

    @pytest.mark.parametrize(("typed", "folded"), [("018", "OIB"), ("ａｂ－cd", "ABCD"), ("a – b — c", "ABC")])
    def test_what_is_misread_is_folded(self, typed, folded):
        assert backup_codes.fold(typed) == folded

    @pytest.mark.requirement("BKP-02", "API-04")
    def test_somebody_else_s_is_wrong(self, client, ann):
        with_totp(ann)
        code = with_backup_codes(with_totp(make_person("bob@example.com", "+12025550177")))[0]
        with_backup_codes(ann)
        give_password(client)

        give_code(client, code, "backup_code")

        assert not is_signed_in(client)
        assert BackupCode.objects.filter(used_at=None).count() == 20

    @pytest.mark.requirement("BKP-04")
    def test_wrong_ones_share_the_budget_and_cost_one_look_up(self, client, ann, django_assert_max_num_queries):
        with_totp(ann)
        with_backup_codes(ann)
        FactorBudget.objects.create(user=ann, failures=3)
        give_password(client)
        with django_assert_max_num_queries(1), pytest.raises(backup_codes.IncorrectCode):
            backup_codes.check(ann, "AAAA-AAAA-AAAAA")

        give_code(client, "AAAA-AAAA-AAAAA", "backup_code")
        assert give_code(client, "AAAA-AAAA-AAAAA", "backup_code")["Location"] == "/accounts/login/"

    @pytest.mark.requirement("BKP-05", "MFA-07")
    def test_the_person_is_told_of_each_use(self, client, ann, django_capture_on_commit_callbacks):
        with_totp(ann)
        code = with_backup_codes(ann)[0]
        give_password(client)

        with django_capture_on_commit_callbacks(execute=True):
            give_code(client, code, "backup_code")

        message = next(message for message in mail.outbox if "backup code" in message.subject)
        assert message.to == [ann.email]
        assert "9 are left." in message.body
        assert code not in message.body

    def test_alone_they_are_no_second_factor(self, client, ann):
        with_backup_codes(ann)
        ann.two_factor_enabled = True
        ann.save()

        assert give_password(client)["Location"] == "/"

    def test_outlive_a_rotation_of_the_key(self, client, ann, settings):
        settings.OTP_HASH_KEYS = ["old" * 12]
        with_totp(ann)
        code = with_backup_codes(ann)[0]
        settings.OTP_HASH_KEYS = ["new" * 12, "old" * 12]
        give_password(client)

        give_code(client, code, "backup_code")

        assert is_signed_in(client)


@pytest.mark.django_db(transaction=True)
class TestRace:
    @pytest.mark.requirement("BKP-02")
    def test_of_thirty_two_uses_of_one_code_one_signs_in(self, ann):
        with_phone(with_totp(ann))
        code = with_backup_codes(ann)[0]
        clients = [Client() for _ in range(32)]
        for client in clients:
            give_password(client)

        answers = run_copies(
            32,
            lambda n: clients[n].post(
                "/api/login/verify", {"code": code, "method": "backup_code"}, content_type="application/json"
            ),
        )

        assert [answer.status_code for answer in answers].count(200) == 1
        assert sum(is_signed_in(client) for client in clients) == 1
        assert BackupCode.objects.exclude(used_at=None).count() == 1
        assert ann.security_events.filter(kind="backup_code_used").count() == 1

    @pytest.mark.requirement("BKP-02")
    def test_the_row_itself_is_used_by_one_of_many(self, ann):
        """Without the budget of failures in front, which lets few of them come this far."""
        codes = [backup_codes.fold(code) for code in with_backup_codes(ann)]
        for code in codes[:3]:
            results = run_copies(32, lambda n, code=code: backup_codes.check(ann, code))
            assert sum(not isinstance(result, Exception) for result in results) == 1
