"""Support in the admin site: what staff may see of people, what they may do, and what it takes."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.assurance import Step
from accounts.models import (
    BackupCode,
    FactorBudget,
    KnownBrowser,
    PhoneDevice,
    SecurityEvent,
    TotpDevice,
    User,
    UserSession,
)
from accounts.models.event import EventKind
from accounts.support.actions import ACTIONS
from accounts.tests.people import (
    PASSWORD,
    make_person,
    prove,
    sign_in,
    sign_in_staff,
    with_backup_codes,
    with_phone,
    with_totp,
)
from otp.exceptions import LimitsUnavailable

pytestmark = pytest.mark.django_db
REASON = "Called from the known number, named the last payee"
# For each action: what its form takes beside the reason, and the right it needs.
OPTIONS = {
    "unlock": {},
    "require-two-factor": {},
    "stop-requiring": {},
    "turn-two-factor-on": {},
    "turn-two-factor-off": {},
    "end-sessions": {},
    "start-reset": {},
    "remove-factors": {"methods": ["otp", "totp", "passkey", "backup_code"]},
    "switch-off": {},
    "switch-on": {},
}


def grant(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def address(action, *people):
    return f"/admin/accounts/user/help/{action}/?" + "&".join(f"person={person.pk}" for person in people)


def read(answer):
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


@pytest.fixture
def helper(db):
    """Somebody of support, with every right to help and no other."""
    helper = make_person("helper@example.com", "+12025550150", is_staff=True)
    return grant(helper, "view_user", *(action.permission.partition(".")[2] for action in ACTIONS.values()))


@pytest.fixture
def desk(helper):
    """The helper's browser, freshly proven."""
    return prove(sign_in_staff(Client(), helper))


@pytest.fixture
def act(desk, django_capture_on_commit_callbacks):
    def act(action, *people, browser=desk, reason=REASON, **options):
        with django_capture_on_commit_callbacks(execute=True):
            return browser.post(address(action, *people), {**OPTIONS.get(action, {}), "reason": reason, **options})

    return act


def is_untouched(person):
    return not SecurityEvent.objects.filter(user=person).exists() and not mail.outbox


class TestActions:
    def test_the_table_knows_all_of_them(self):
        assert {*OPTIONS, "change-rights"} == ACTIONS.keys()

    @pytest.mark.requirement("AUD-01", "AUD-07", "REC-15")
    @pytest.mark.parametrize("action", OPTIONS)
    def test_is_recorded_once_with_who_and_why_and_told_by_mail(self, action, act, ann, helper):
        with_totp(ann)
        answer = act(action, ann)

        assert (answer.status_code, answer["Location"]) == (302, f"/admin/accounts/user/{ann.pk}/change/")
        event = SecurityEvent.objects.get(user=ann)
        assert (event.kind, event.actor, event.reason) == (ACTIONS[action].kind, helper, REASON)
        assert event.client_address == "127.0.0.1"
        (message,) = mail.outbox
        assert message.to == ["ann@example.com"]
        assert REASON in message.body
        assert str(ACTIONS[action].mail) in message.body
        assert "+12025550123" not in message.body

    def test_unlock_forgets_wrong_codes(self, act, ann):
        FactorBudget.objects.create(user=ann, failures=100, blocked_until=timezone.now() + timedelta(days=1))

        act("unlock", ann)

        assert FactorBudget.objects.get(user=ann).failures == 0
        assert not FactorBudget.find(ann).is_blocked

    def test_unlock_forgets_wrong_passwords(self, act, ann, client, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
        fields = {"email": "ann@example.com", "password": PASSWORD}
        for _ in range(3):
            client.post("/accounts/login/", {**fields, "password": "wrong"})
        assert client.post("/accounts/login/", fields).status_code == 429

        act("unlock", ann)

        assert client.post("/accounts/login/", fields).status_code == 302

    def test_what_cannot_be_done_now_is_said_and_nothing_is_done(self, act, ann, monkeypatch):
        FactorBudget.objects.create(user=ann, failures=5)

        def fail(*args):
            raise LimitsUnavailable

        monkeypatch.setattr("accounts.limits.clear_sign_in", fail)

        assert str(LimitsUnavailable.user_message) in read(act("unlock", ann))
        assert FactorBudget.objects.get(user=ann).failures == 5
        assert is_untouched(ann)

    def test_a_second_factor_can_be_required_from_a_day_on(self, act, ann):
        day = (timezone.now() + timedelta(days=7)).date()

        act("require-two-factor", ann, grace_until=f"{day:%Y-%m-%d}")

        ann.refresh_from_db()
        assert ann.two_factor_required
        assert ann.two_factor_grace_until.date() == day
        act("stop-requiring", ann)
        ann.refresh_from_db()
        assert (ann.two_factor_required, ann.two_factor_grace_until) == (False, None)

    @pytest.mark.requirement("MFA-03")
    def test_the_second_factor_can_be_switched_for_whoever_has_one(self, act, ann):
        with_phone(ann)
        browser = sign_in(Client(), ann)

        assert act("turn-two-factor-off", ann).status_code == 302
        ann.refresh_from_db()
        assert (ann.two_factor_enabled, PhoneDevice.objects.filter(user=ann).exists()) == (False, True)
        assert browser.get("/accounts/security/").status_code == 302
        assert act("turn-two-factor-on", ann).status_code == 302
        ann.refresh_from_db()
        assert ann.two_factor_enabled
        kinds = ann.security_events.filter(actor__isnull=False).order_by("pk").values_list("kind", flat=True)
        assert list(kinds) == ["two_factor_off", "two_factor_on"]
        assert len([message for message in mail.outbox if message.to == [ann.email]]) == 2

    @pytest.mark.requirement("MFA-03")
    def test_the_second_factor_is_not_turned_off_where_it_is_required(self, act, ann):
        with_phone(ann, two_factor_required=True)

        assert act("turn-two-factor-off", ann).status_code == 403
        ann.refresh_from_db()
        assert ann.two_factor_enabled

    @pytest.mark.requirement("MFA-03")
    def test_the_second_factor_is_not_turned_on_without_one(self, act):
        bob = make_person("bob@example.com", "+12025550124")

        assert act("turn-two-factor-on", bob).status_code == 403
        bob.refresh_from_db()
        assert not bob.two_factor_enabled

    @pytest.mark.parametrize("days", [0, -1, 91])
    def test_that_day_is_soon(self, days, act, ann):
        answer = act("require-two-factor", ann, grace_until=f"{timezone.now() + timedelta(days=days):%Y-%m-%d}")

        assert "at most 90 days ahead" in read(answer)
        assert is_untouched(ann)

    @pytest.mark.requirement("SES-07")
    def test_all_sessions_can_be_ended(self, act, ann):
        browsers = [sign_in(Client(), ann) for _ in range(2)]

        act("end-sessions", ann)

        assert not UserSession.objects.filter(user=ann).exists()
        assert [browser.get("/accounts/security/").status_code for browser in browsers] == [302, 302]
        assert SecurityEvent.objects.get(user=ann).detail == "2"

    @pytest.mark.requirement("SES-07")
    def test_one_session_can_be_ended(self, act, desk, ann):
        phone, laptop = (sign_in(Client(), ann) for _ in range(2))
        page = read(desk.get(address("end-sessions", ann)))
        handle = UserSession.objects.get(pk=phone.session.session_key).handle
        assert handle in page

        act("end-sessions", ann, sessions=[handle])

        assert phone.get("/accounts/security/").status_code == 302
        assert laptop.get("/accounts/security/").status_code == 200

    def test_another_person_s_session_is_not_among_them(self, act, ann):
        bob = make_person("bob@example.com", "+12025550188")
        browser = sign_in(Client(), bob)

        act("end-sessions", ann, sessions=[UserSession.objects.get(user=bob).handle])

        assert browser.get("/accounts/security/").status_code == 200
        assert is_untouched(ann)

    def test_factors_are_removed_and_everybody_is_out(self, act, ann):
        with_totp(with_phone(ann))
        with_backup_codes(ann)
        browser = sign_in(Client(), ann)
        KnownBrowser.objects.create(user=ann, key="1", trusted_until=timezone.now() + timedelta(days=1))

        act("remove-factors", ann)

        ann.refresh_from_db()
        assert not ann.two_factor_enabled
        assert ann.phone_verified_at
        left = (PhoneDevice, TotpDevice, KnownBrowser)
        assert not any(model.objects.filter(user=ann).exists() for model in left)
        assert not BackupCode.objects.exists()
        assert browser.get("/accounts/security/").status_code == 302

    def test_one_of_two_can_be_removed(self, act, ann):
        with_totp(with_phone(ann))
        with_backup_codes(ann)

        act("remove-factors", ann, methods=["otp"])

        ann.refresh_from_db()
        assert ann.two_factor_enabled
        assert TotpDevice.objects.filter(user=ann).exists()
        assert BackupCode.objects.count() == 10
        assert SecurityEvent.objects.get(user=ann).detail == "codes to the phone"

    def test_a_number_that_is_lost_for_good_can_go_too(self, act, ann):
        with_phone(ann)

        act("remove-factors", ann, methods=["number"])

        ann.refresh_from_db()
        assert (ann.phone, ann.phone_verified_at, ann.two_factor_enabled) == ("", None, False)
        assert "+12025550123" not in SecurityEvent.objects.get(user=ann).detail

    def test_a_reset_leads_whoever_has_a_phone_to_the_ordinary_way(self, act, ann):
        browser = sign_in(Client(), ann)
        kept = User.objects.filter(pk=ann.pk).values().get()

        act("start-reset", ann)

        assert "/accounts/password-reset/\n" in mail.outbox[0].body
        assert User.objects.filter(pk=ann.pk).values().get() == kept
        assert browser.get("/accounts/security/").status_code == 200

    def test_an_account_is_switched_off_and_on(self, act, ann):
        browser = sign_in(Client(), ann)

        act("switch-off", ann)

        ann.refresh_from_db()
        assert not ann.is_active
        assert browser.get("/accounts/security/").status_code == 302
        act("switch-on", ann)
        ann.refresh_from_db()
        assert ann.is_active

    def test_several_people_at_once(self, desk, act, ann, helper):
        bob = make_person("bob@example.com", "+12025550188")
        fields = {"action": "unlock", "_selected_action": [ann.pk, bob.pk, helper.pk]}
        begun = desk.post("/admin/accounts/user/", fields)
        page = read(desk.get(begun["Location"]))
        assert "This is your own account" in page

        answer = act("unlock", ann, bob, helper)

        assert answer["Location"] == "/admin/accounts/user/"
        assert {event.user for event in SecurityEvent.objects.filter(kind=EventKind.UNLOCKED)} == {ann, bob}
        assert len(mail.outbox) == 2

    def test_at_most_a_hundred(self, desk, ann):
        people = User.objects.bulk_create(User(email=f"{number}@example.com") for number in range(101))

        answer = desk.post("/admin/accounts/user/", {"action": "unlock", "_selected_action": [p.pk for p in people]})

        assert answer["Location"].startswith("/admin/accounts/user/")
        assert "help" not in answer["Location"]
        assert desk.get(address("unlock", *people)).status_code == 404


class TestWhatItTakes:
    """Every way to be refused, over all actions: none of them changes anything."""

    @pytest.mark.requirement("AUD-07", "MFA-06", "REC-15")
    @pytest.mark.parametrize("stale", [{"ago": 301}, {"step": Step.FACTORS}])
    def test_a_fresh_proof_for_this(self, stale, desk, act, ann):
        for action in OPTIONS:
            prove(desk, **stale)

            answer = act(action, ann)

            assert answer.status_code == 302
            assert answer["Location"].startswith(
                "/accounts/confirm/?for=support&next=%2Fadmin%2Faccounts%2Fuser%2Fhelp"
            )
            assert is_untouched(ann)

    @pytest.mark.requirement("AUD-07", "REC-15")
    @pytest.mark.parametrize("reason", ["", "    ", "why", "x" * 201])
    def test_a_reason(self, reason, act, ann):
        for action in OPTIONS:
            answer = act(action, ann, reason=reason)

            assert answer.status_code == 200
            assert "errornote" in read(answer)
            assert is_untouched(ann)

    @pytest.mark.requirement("AUD-07")
    def test_a_right_of_its_own(self, desk, act, helper, ann):
        for action in OPTIONS.keys() - {"stop-requiring"}:
            right = Permission.objects.get(codename=ACTIONS[action].permission.partition(".")[2])
            helper.user_permissions.remove(right)

            assert desk.get(address(action, ann)).status_code == 403
            assert act(action, ann).status_code == 403
            assert is_untouched(ann)
            assert f"/help/{action}/" not in read(desk.get(f"/admin/accounts/user/{ann.pk}/change/"))
            helper.user_permissions.add(right)

    def test_the_right_to_see_people(self, act, helper, ann):
        helper.user_permissions.remove(Permission.objects.get(codename="view_user"))

        assert [act(action, ann).status_code for action in OPTIONS] == [403] * len(OPTIONS)
        assert is_untouched(ann)

    @pytest.mark.requirement("MFA-04")
    def test_a_post(self, desk, ann):
        for action in OPTIONS:
            assert desk.get(address(action, ann) + "&reason=because+I+say").status_code == 200
            assert is_untouched(ann)

    @pytest.mark.parametrize("who", ["stranger", "customer", "unproven staff"])
    def test_proven_staff(self, who, helper, act, ann):
        browser = {
            "stranger": Client,
            "customer": lambda: prove(sign_in(Client(), ann)),
            "unproven staff": lambda: prove(sign_in(Client(), helper)),
        }[who]()

        for action in OPTIONS:
            answer = act(action, ann, browser=browser)

            assert re.match(r"/(admin|accounts)/login/\?next=/admin/accounts/user/help", answer["Location"])
            assert is_untouched(ann)

    @pytest.mark.requirement("MFA-04")
    def test_a_form_of_this_site(self, desk, ann):
        browser = Client(enforce_csrf_checks=True)
        browser.cookies = desk.cookies

        for action in OPTIONS:
            assert browser.post(address(action, ann), {**OPTIONS.get(action, {}), "reason": REASON}).status_code == 403
            assert is_untouched(ann)

    @pytest.mark.parametrize("who", ["superuser", "staff who may do more", "staff switched off", "themself"])
    def test_somebody_else_who_may_do_no_more(self, who, desk, act, helper, admin_user):
        person = {"superuser": admin_user, "themself": helper}.get(who) or grant(
            make_person("boss@example.com", "", is_staff=True, is_active=who != "staff switched off"), "add_user"
        )

        for action in OPTIONS:
            assert desk.get(address(action, person)).status_code == 403
            assert act(action, person).status_code == 403
            assert is_untouched(person)
        assert "/help/" not in read(desk.get(f"/admin/accounts/user/{person.pk}/change/"))

    def test_a_superuser_helps_superusers_but_not_themself(self, admin_client, admin_user, act):
        other = make_person("other@example.com", "", is_staff=True, is_superuser=True)
        prove(admin_client)

        assert act("unlock", other, browser=admin_client).status_code == 302
        assert act("unlock", admin_user, browser=admin_client).status_code == 403

    @pytest.mark.parametrize("query", ["", "?person=", "?person=x", "?person=0", "?person=99999999999999999999"])
    def test_somebody_who_exists(self, query, desk):
        assert desk.get(f"/admin/accounts/user/help/unlock/{query}").status_code == 404
        assert desk.get("/admin/accounts/user/help/promote/?person=1").status_code == 404


class TestRights:
    """Giving and taking rights is for superusers."""

    def test_are_set_recorded_and_told(self, admin_client, act, ann, admin_user):
        prove(admin_client)
        group = Group.objects.create(name="Support")
        assert "Support" in read(admin_client.get(address("change-rights", ann)))

        act("change-rights", ann, browser=admin_client, is_staff="on", groups=[group.pk])

        ann.refresh_from_db()
        assert (ann.is_staff, ann.is_superuser, list(ann.groups.all())) == (True, False, [group])
        event = SecurityEvent.objects.get(user=ann)
        assert (event.kind, event.detail, event.actor) == (EventKind.RIGHTS_CHANGED, "staff, Support", admin_user)
        assert mail.outbox[0].to == ["ann@example.com"]

    def test_are_not_for_support_to_give(self, desk, act, ann):
        assert desk.get(address("change-rights", ann)).status_code == 403
        assert act("change-rights", ann, is_staff="on", is_superuser="on").status_code == 403
        ann.refresh_from_db()
        assert not ann.is_staff
        assert is_untouched(ann)

    def test_nobody_gives_them_by_way_of_a_group(self, desk, helper):
        grant(helper, "view_group", "add_group", "change_group", "delete_group")
        group = Group.objects.create(name="Support")
        fields = {"name": "Support", "permissions": [Permission.objects.get(codename="delete_user").pk], "post": "yes"}

        for path in ("add/", f"{group.pk}/change/", f"{group.pk}/delete/"):
            assert desk.post(f"/admin/auth/group/{path}", fields).status_code == 403
        assert not group.permissions.exists()
        assert desk.get(f"/admin/auth/group/{group.pk}/change/").status_code == 200

    def test_one_person_at_a_time(self, admin_client, ann):
        prove(admin_client)
        bob = make_person("bob@example.com", "+12025550188")

        assert admin_client.get(address("change-rights", ann, bob)).status_code == 404


class TestNewAccount:
    """An account that staff make opens to nobody until its owner has chosen a password."""

    FIELDS = {"email": "Dan@Example.com", "reason": REASON}

    @pytest.mark.requirement("REC-15", "AUD-01")
    def test_is_made_without_a_password_and_its_owner_invited(
        self, desk, helper, client, django_capture_on_commit_callbacks
    ):
        grant(helper, "add_user")
        page = read(desk.get("/admin/accounts/user/add/"))
        assert "assword" not in page.partition("<main")[2]
        with django_capture_on_commit_callbacks(execute=True):
            hostile = {"password": "chosen-by-staff", "is_staff": "on", "is_superuser": "on", "phone": "+12025550188"}
            desk.post("/admin/accounts/user/add/", {**self.FIELDS, **hostile})

        dan = User.objects.get(email="dan@example.com")
        assert not dan.has_usable_password()
        assert (dan.is_staff, dan.is_superuser, dan.phone, dan.phone_verified_at) == (False, False, "", None)
        event = SecurityEvent.objects.get(user=dan)
        assert (event.kind, event.actor, event.reason) == (EventKind.ACCOUNT_MADE, helper, REASON)
        (message,) = mail.outbox
        assert message.to == ["dan@example.com"]
        answer = client.get(find_link(message), follow=True)
        assert "Choose your password" in read(answer)

    @pytest.mark.requirement("AUD-07")
    def test_takes_a_right_a_proof_and_a_reason(self, desk, helper):
        path = "/admin/accounts/user/add/"
        assert desk.post(path, self.FIELDS).status_code == 403
        grant(helper, "add_user")
        assert "errornote" in read(desk.post(path, {**self.FIELDS, "reason": ""}))
        prove(desk, ago=301)
        assert desk.post(path, self.FIELDS)["Location"].startswith("/accounts/confirm/?for=support")
        assert not User.objects.filter(email="dan@example.com").exists()


def find_link(message):
    return re.search(r"https?://[^/]+(/accounts/password-link/\S+)", message.body)[1]


class TestGroup:
    def test_is_made_once_and_is_all_that_support_needs(self, act, ann, helper, capsys):
        helper.user_permissions.clear()
        for _ in range(2):
            call_command("make_support_group")
        helper.groups.add(Group.objects.get(name="Support"))

        assert "Mended the group Support" in capsys.readouterr().out
        assert act("unlock", ann).status_code == 302
        desk = sign_in_staff(Client(), helper)
        for path in ("accounts/user/", "accounts/securityevent/", "otp/verificationattempt/", "otp/verification/"):
            assert desk.get(f"/admin/{path}").status_code == 200, path
        assert desk.get(f"/admin/otp/verificationattempt/?user={ann.pk}").status_code == 200
        assert ann.phone not in desk.get("/admin/accounts/user/").content.decode()
        assert desk.get("/admin/auth/group/").status_code == 403
        assert act("change-rights", ann).status_code == 403

    def test_may_see_whole_numbers_where_asked_for(self, ann, helper):
        helper.user_permissions.clear()
        call_command("make_support_group", "--with-phones", "--name", "Second line", verbosity=0)
        helper.groups.add(Group.objects.get(name="Second line"))

        assert ann.phone in sign_in_staff(Client(), helper).get("/admin/accounts/user/").content.decode()
