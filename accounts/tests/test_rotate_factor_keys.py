"""The command that encrypts the secrets of authenticator apps with the newest key."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts import encryption
from accounts.factors import totp
from accounts.models import TotpDevice
from accounts.tests.people import make_person, show_totp_code, with_totp

pytestmark = pytest.mark.django_db
OLD, NEW, LOST = (name * 8 for name in ("old-key-", "new-key-", "lost-key"))


def rotate(**options):
    out = io.StringIO()
    call_command("rotate_factor_keys", stdout=out, **options)
    return out.getvalue()


def read_rows():
    return dict(TotpDevice.objects.values_list("pk", "encrypted_secret"))


@pytest.fixture
def people(settings):
    """Five people whose secrets the old key encrypted; then a new key came in front."""
    settings.FACTOR_ENCRYPTION_KEYS = [OLD]
    found = [with_totp(make_person(f"p{number}@example.com", "")) for number in range(5)]
    settings.FACTOR_ENCRYPTION_KEYS = [NEW, OLD]
    return found


class TestRotateFactorKeys:
    def test_afterwards_the_old_key_can_be_taken_away(self, people, settings):
        said = rotate(batch_size=2)

        settings.FACTOR_ENCRYPTION_KEYS = [NEW]
        assert said == "Encrypted anew: 5. Already with the newest key: 0.\n"
        for person in people:
            totp.check(person, show_totp_code(person))

    def test_the_same_again_writes_nothing(self, people, django_assert_num_queries):
        rotate()
        before = read_rows()

        with django_assert_num_queries(2):
            said = rotate()

        assert said == "Encrypted anew: 0. Already with the newest key: 5.\n"
        assert read_rows() == before

    def test_a_secret_that_changed_in_the_meantime_is_left_alone(self, people, monkeypatch):
        device = TotpDevice.objects.get(user=people[0])
        newest = encryption.encrypt(b"another secret")

        def change_meanwhile(secret):
            TotpDevice.objects.filter(pk=device.pk).update(encrypted_secret=newest)
            return encryption.rotate(secret)

        monkeypatch.setattr("accounts.management.commands.rotate_factor_keys.rotate", change_meanwhile)

        said = rotate()

        assert said == "Encrypted anew: 4. Already with the newest key: 0.\n"
        assert read_rows()[device.pk] == newest

    def test_an_unreadable_secret_is_named_and_the_others_are_done(self, people, settings):
        lost = TotpDevice.objects.get(user=people[2])
        settings.FACTOR_ENCRYPTION_KEYS = [LOST]
        TotpDevice.objects.filter(pk=lost.pk).update(encrypted_secret=encryption.encrypt(b"x"))
        settings.FACTOR_ENCRYPTION_KEYS = [NEW, OLD]

        with pytest.raises(CommandError, match=rf"FACTOR_ENCRYPTION_KEYS: 1, devices {lost.pk}\."):
            rotate()

        assert [encryption.is_current(secret) for secret in read_rows().values()].count(True) == 4

    @pytest.mark.parametrize("size", [0, -1])
    def test_a_batch_has_at_least_one_row(self, size):
        with pytest.raises(CommandError, match="at least 1"):
            rotate(batch_size=size)
