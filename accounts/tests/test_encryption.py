"""Secrets at rest: what the database holds, and what becomes of it with another key."""

import pytest
from cryptography.fernet import InvalidToken
from django.db import connection

from accounts.encryption import decrypt, encrypt, rotate
from accounts.factors import totp
from accounts.tests.people import show_totp_code, with_phone, with_totp
from accounts.tests.steps import give_code, give_password


class TestEncryption:
    @pytest.mark.django_db
    def test_the_database_holds_no_secret(self, ann):
        device = totp.begin(ann)
        with connection.cursor() as cursor:
            cursor.execute("SELECT encrypted_secret FROM accounts_totpdevice")
            stored = cursor.fetchone()[0]

        secret = decrypt(device.encrypted_secret)
        assert len(secret) == 20
        for spelling in (secret.hex(), totp.get_secret_text(device), totp.get_secret_text(device).replace(" ", "")):
            assert spelling not in stored

    @pytest.mark.requirement("CFG-11")
    def test_a_new_key_in_front_reads_what_the_old_one_wrote(self, settings):
        settings.FACTOR_ENCRYPTION_KEYS = ["old" * 12]
        kept = encrypt(b"secret")

        settings.FACTOR_ENCRYPTION_KEYS = ["new" * 12, "old" * 12]
        assert decrypt(kept) == b"secret"
        rotated = rotate(kept)

        settings.FACTOR_ENCRYPTION_KEYS = ["new" * 12]
        assert decrypt(rotated) == b"secret"
        with pytest.raises(InvalidToken):
            decrypt(kept)

    @pytest.mark.django_db
    @pytest.mark.requirement("CFG-11")
    def test_people_sign_in_on_through_a_rotation(self, client, ann, settings):
        settings.FACTOR_ENCRYPTION_KEYS = ["old" * 12]
        with_totp(ann)
        settings.FACTOR_ENCRYPTION_KEYS = ["new" * 12, "old" * 12]

        give_password(client)

        assert give_code(client, show_totp_code(ann), "totp").status_code == 302

    def test_what_was_changed_is_refused(self, settings):
        kept = encrypt(b"secret")

        with pytest.raises(InvalidToken):
            decrypt(kept[:-4] + ("AAAA" if kept[-4:] != "AAAA" else "BBBB"))


@pytest.mark.django_db
def test_the_phone_as_factor_holds_no_secret(ann):
    with_phone(ann)

    assert ann.phone[-8:-4] not in str(ann.phonedevice_set.values().get())
