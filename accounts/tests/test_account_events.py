"""What happens to an account leaves exactly one row of each thing that happened; and what must not be kept is not."""

import logging

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.assurance import Step
from accounts.models import SecurityEvent, TotpDevice, User
from accounts.tests.people import (
    NUMBER,
    PASSWORD,
    make_person,
    prove,
    show_totp_code,
    sign_in,
    with_backup_codes,
    with_totp,
)

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
RIGHT = {"email": "ann@example.com", "password": PASSWORD}
NEW_NUMBER = "+12025550188"


def enter(browser, person, step=None):
    """Sign somebody in by the door's own marks, freshly proven for a step."""
    device = TotpDevice.objects.filter(user=person, confirmed=True).first()
    sign_in(browser, person, device=device)
    return prove(browser, step) if step else browser


def get_in_half_way(browser, person):
    with_totp(person)
    browser.post(LOGIN, RIGHT)


def add_totp(browser, person):
    enter(browser, person, Step.FACTORS).get("/accounts/security/totp/")
    browser.post("/accounts/security/totp/", {"code": show_totp_code(person)})


def remove_totp(browser, person):
    with_totp(person, two_factor_enabled=False)
    device = TotpDevice.objects.get(user=person)
    enter(browser, person, Step.FACTORS).post(f"/accounts/security/totp/{device.pk}/remove/")


def type_wrong_codes(count):
    def type_them(browser, person):
        get_in_half_way(browser, person)
        for _ in range(count):
            browser.post("/accounts/login/code/", {"code": "000000", "method": "totp"})

    return type_them


def use_backup_code(browser, person):
    get_in_half_way(browser, person)
    code = with_backup_codes(person)[0]
    browser.post("/accounts/login/code/", {"code": code, "method": "backup_code"})


def change_phone(browser, person, read_code):
    enter(browser, person, Step.PHONE_CHANGE).post("/accounts/phone-change/", {"phone": NEW_NUMBER, "channel": "sms"})
    browser.post("/accounts/phone-change/code/", {"code": read_code(NEW_NUMBER)})


def let_the_session_run_out(browser, person):
    sign_in(browser, person, ago=3600)
    browser.get("/accounts/security/")


def switch(value):
    def switch_it(browser, person):
        with_totp(person, two_factor_enabled=value == "off")
        enter(browser, person, Step.TWO_FACTOR).post("/accounts/security/two-factor/switch/", {"enabled": value})

    return switch_it


def change_password(browser, person):
    fields = {"password": PASSWORD, "new_password": "another-good-one"}
    enter(browser, person, Step.PASSWORD).post("/accounts/security/password/", fields)


def sign_in_wrongly(count, **fields):
    def try_it(browser, person):
        for _ in range(count):
            browser.post(LOGIN, {**RIGHT, "password": "wrong", **fields})

    return try_it


# What was done, and every row that it may leave.
FLOWS = {
    "sign-in": (lambda browser, person: browser.post(LOGIN, RIGHT), ["signed_in"]),
    "sign-out": (lambda browser, person: enter(browser, person).post("/accounts/logout/"), ["signed_out"]),
    "wrong password": (sign_in_wrongly(1), ["sign_in_failed"]),
    "locked by wrong passwords": (sign_in_wrongly(6), ["sign_in_blocked", *["sign_in_failed"] * 3]),
    "wrong code": (type_wrong_codes(1), ["factor_failed"]),
    "locked by wrong codes": (type_wrong_codes(5), ["factor_blocked", *["factor_failed"] * 5]),
    "backup code": (use_backup_code, ["backup_code_used", "signed_in"]),
    "first factor added": (add_totp, ["factor_added", "two_factor_on"]),
    "factor removed": (remove_totp, ["factor_removed"]),
    "second factor on": (switch("on"), ["two_factor_on"]),
    "second factor off": (switch("off"), ["two_factor_off"]),
    "phone changed": (change_phone, ["phone_changed"]),
    "password changed": (change_password, ["password_changed", "signed_in"]),
    "other sessions ended": (
        lambda browser, person: enter(browser, person, Step.SESSIONS).post("/accounts/security/sessions/end/"),
        ["session_ended"],
    ),
    "session over": (let_the_session_run_out, ["session_ended"]),
}


@pytest.mark.requirement("AUD-01")
class TestOneRowEach:
    @pytest.mark.parametrize("flow", FLOWS)
    def test_of_the_account(self, flow, client, ann, settings, read_code, django_capture_on_commit_callbacks):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 3
        do, kinds = FLOWS[flow]

        with django_capture_on_commit_callbacks(execute=True):
            do(client, ann, *([read_code] if do is change_phone else []))

        events = SecurityEvent.objects.filter(user=ann)
        assert sorted(event.kind for event in events) == sorted(kinds)
        assert SecurityEvent.objects.count() == len(kinds)
        for event in events:
            assert event.client_address == "127.0.0.1"
            assert event.actor is None
            assert event.created_at.tzinfo
            assert NUMBER not in event.detail
            assert NEW_NUMBER not in event.detail

    def test_a_refused_step_leaves_none(self, client, ann):
        enter(client, ann).post("/accounts/security/sessions/end/")

        assert not SecurityEvent.objects.exists()

    def test_a_block_of_a_network_is_one_row_and_nobody_s(self, client, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ADDRESS_PER_HOUR = 2
        for number in range(5):
            client.post(LOGIN, {"email": f"{number}@example.com", "password": "wrong"})

        (block,) = SecurityEvent.objects.filter(kind="sign_in_blocked")
        assert (block.user, block.detail, block.client_address) == (None, "login_address", "127.0.0.1")


@pytest.mark.requirement("AUD-06", "CFG-09")
class TestTyped:
    """People type their password where the address belongs."""

    SECRET = "my-secret-password"

    @pytest.mark.parametrize("typed", [f"{SECRET}@x.yz", SECRET])
    @pytest.mark.parametrize("over", ["page", "api"])
    def test_a_password_in_the_box_for_the_address_is_kept_nowhere(self, typed, over, client, ann, caplog, tmp_path):
        with caplog.at_level(logging.DEBUG):
            if over == "page":
                client.post(LOGIN, {"email": typed, "password": "other-secret"})
            else:
                token = client.get("/api/session").json()["csrf_token"]
                body = {"email": typed, "password": "other-secret"}
                client.post("/api/login", body, content_type="application/json", headers={"X-CSRFToken": token})

        dump = tmp_path / "everything.json"
        call_command("dumpdata", output=str(dump), verbosity=0)
        for text in (dump.read_text(), caplog.text):
            assert self.SECRET not in text
            assert "other-secret" not in text

    def test_the_row_of_an_unknown_address_has_a_hash_that_finds_it(self, client, admin_client, ann):
        client.post(LOGIN, {"email": "Nobody@example.com", "password": "wrong"})

        (event,) = SecurityEvent.objects.all()
        assert (event.user, event.kind, len(event.typed_hash)) == (None, "sign_in_failed", 64)
        for typed, count in (("nobody@example.com", 1), ("ann@example.com", 0)):
            found = admin_client.get("/admin/accounts/securityevent/", {"q": typed}).context["cl"].queryset
            assert found.count() == count

    @pytest.mark.requirement("ENU-02")
    def test_the_same_statements_run_for_everybody(self, client, ann):
        counts = []
        for email in ("ann@example.com", "nobody@example.com"):
            with connection.execute_wrapper(lambda run, sql, *args: counts[-1].append(sql[:40]) or run(sql, *args)):
                counts.append([])
                client.post(LOGIN, {"email": email, "password": "wrong"})

        assert counts[0] == counts[1]

    def test_strangers_push_nothing_out_of_the_owner_s_list(self, client, ann):
        browser = enter(Client(), ann)
        browser.post("/accounts/logout/")
        sign_in_wrongly(15)(client, ann)

        page = enter(browser, ann).get("/accounts/security/").content.decode()

        assert "Signed out" in page
        assert "Wrong password" not in page


@pytest.fixture
def broken_record(ann):
    """A database that can write no security event any more."""
    table = SecurityEvent._meta.db_table
    if connection.vendor == "sqlite":
        statement = f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    else:
        statement = f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (id < 0) NOT VALID"
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.requirement("AUD-03")
class TestBrokenRecord:
    """Without a record there is no access and no change."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture(autouse=True)
    def _mend(self, broken_record):
        yield
        table = SecurityEvent._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                "DROP TRIGGER broken"
                if connection.vendor == "sqlite"
                else f"ALTER TABLE {table} DROP CONSTRAINT broken"
            )

    def test_nobody_signs_in(self, ann):
        browser = Client(raise_request_exception=False)

        answers = [browser.post(LOGIN, {**RIGHT, "password": password}) for password in (PASSWORD, "wrong")]

        assert [answer.status_code for answer in answers] == [500, 500]
        assert "_auth_user_id" not in browser.session
        assert browser.get("/accounts/security/").status_code == 302

    def test_support_changes_nothing(self, ann):
        helper = make_person("root@example.com", "+12025550177", is_staff=True, is_superuser=True)
        with_totp(ann)
        with_totp(helper)
        browser = enter(Client(raise_request_exception=False), helper, Step.SUPPORT)
        for action, fields in (("remove-factors", {"methods": ["totp"]}), ("switch-off", {})):
            path = f"/admin/accounts/user/help/{action}/?person={ann.pk}"
            assert browser.post(path, {"reason": "Named the last payee", **fields}).status_code == 500

        ann = User.objects.get(pk=ann.pk)
        assert (ann.is_active, ann.two_factor_enabled) == (True, True)
        assert TotpDevice.objects.filter(user=ann).exists()


@pytest.mark.requirement("AUD-03")
def test_a_wrong_code_s_row_outlives_what_fails_after_it(client, ann, monkeypatch):
    get_in_half_way(client, ann)
    monkeypatch.setattr("accounts.views.login.describe_waiting", lambda *args, **options: 1 / 0)
    client.raise_request_exception = False

    assert client.post("/accounts/login/code/", {"code": "000000", "method": "totp"}).status_code == 500

    assert SecurityEvent.objects.get(user=ann).kind == "factor_failed"
