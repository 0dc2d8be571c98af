import pytest

from otp.sandbox.models import Attempt
from otp.sandbox.tests.support import PHONE, refused


@pytest.fixture
def started(service):
    return service.verifications.create(to=PHONE, channel="sms")


class TestUpdate:
    @pytest.mark.parametrize("by", ["sid", "to"])
    def test_cancels_by_sid_and_by_destination(self, service, started, newest_code, by):
        canceled = service.verifications(getattr(started, by)).update(status="canceled")

        assert canceled.status == "canceled"
        assert service.verifications(started.sid).fetch().status == "canceled"
        assert refused(service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)
        assert service.verifications.create(to=PHONE, channel="sms").sid != started.sid

    def test_reaches_a_number_whose_plus_sign_became_a_space_or_is_escaped(self, service, started, plain_session):
        root = started.url.rpartition("/")[0]

        assert plain_session.get(f"{root}/%2B12025550123").json()["sid"] == started.sid
        assert plain_session.get(f"{root}/%2012025550123").json()["sid"] == started.sid

    def test_approves_and_converts_the_last_message(self, service, started):
        service.verifications.create(to=PHONE, channel="call")

        approved = service.verifications(started.sid).update(status="approved")

        assert approved.status == "approved"
        assert refused(service.verifications(started.sid).fetch) == (404, 20404)
        assert list(Attempt.objects.order_by("pk").values_list("is_converted", flat=True)) == [False, True]

    def test_refuses_any_other_status(self, service, started):
        assert refused(service.verifications(started.sid).update, status="pending") == (400, 60200)

    def test_cannot_cancel_what_is_approved_or_expired(self, service, started, set_control):
        service.verifications(started.sid).update(status="approved")
        assert refused(service.verifications(started.sid).update, status="canceled") == (404, 20404)

        again = service.verifications.create(to=PHONE, channel="sms")
        set_control(advance_seconds=600)
        assert refused(service.verifications(again.sid).update, status="canceled") == (404, 20404)


class TestFetch:
    def test_is_capped_at_sixty_a_minute(self, service, started, set_control):
        for _ in range(60):
            service.verifications(started.sid).fetch()

        assert refused(service.verifications(started.sid).fetch) == (429, 20429)
        set_control(advance_seconds=60)
        assert service.verifications(started.sid).fetch().sid == started.sid
