import json

import pytest

from otp.sandbox.message_templates import TEMPLATES
from otp.sandbox.models import Message
from otp.sandbox.tests.support import PHONE, refused
from otp.sandbox.texts import CODE, LOCALES


@pytest.fixture
def body(db):
    return lambda: Message.objects.latest("pk").body


class TestLocale:
    @pytest.mark.parametrize(
        ("locale", "beginning"),
        [
            ("en", "Your SmartFin verification code is: "),
            ("es", "Tu código de verificación de SmartFin es: "),
            ("fr", "Votre code de vérification SmartFin est : "),
            ("de", "Dein Bestätigungscode für SmartFin lautet: "),
            ("pt-BR", "O seu código de verificação SmartFin é: "),
            ("ja", "Your SmartFin verification code is: "),
        ],
    )
    def test_chooses_the_words(self, service, body, locale, beginning):
        service.verifications.create(to=PHONE, channel="sms", locale=locale)

        assert body().startswith(beginning)
        assert "http" not in body()

    def test_comes_from_the_country_when_not_given(self, service, body):
        service.verifications.create(to="+34612345678", channel="sms")

        assert body().startswith("Tu código")

    @pytest.mark.parametrize("locale", LOCALES)
    def test_takes_every_locale_of_the_list(self, service, locale):
        assert service.verifications.create(to=PHONE, channel="sms", locale=locale).status == "pending"

    def test_refuses_others_as_the_switch_says(self, service, set_control):
        assert refused(service.verifications.create, to=PHONE, channel="sms", locale="tlh") == (400, 60200)
        set_control(switches={"unsupported_locale": "not_found"})
        assert refused(service.verifications.create, to=PHONE, channel="sms", locale="tlh") == (404, 20404)


class TestChannels:
    def test_a_call_spells_the_digits(self, service, body, newest_code):
        service.verifications.create(to=PHONE, channel="call")

        assert ", ".join(newest_code()) in body()
        assert newest_code() not in body()

    def test_an_email_has_a_subject_and_speaks_english(self, service):
        service.verifications.create(to="a@example.com", channel="email", locale="de")

        message = Message.objects.get()
        assert message.subject == "Your SmartFin verification code"
        assert message.body.startswith("Your SmartFin")

    def test_an_app_hash_marks_an_sms_and_nothing_else(self, service, body):
        service.verifications.create(to=PHONE, channel="sms", app_hash="He42w354ol9")

        assert body().startswith("<#> ")
        assert body().endswith(" He42w354ol9")
        assert refused(service.verifications.create, to=PHONE, channel="call", app_hash="He42w354ol9") == (400, 60602)

    def test_a_custom_friendly_name_takes_the_place_of_the_brand(self, service, body):
        service.verifications.create(to=PHONE, channel="sms", custom_friendly_name="Acme")

        assert body().startswith("Your Acme verification code is: ")


class TestTemplates:
    @pytest.fixture
    def sids(self, verify):
        return {template.friendly_name: template.sid for template in verify.templates.list()}

    def test_are_listed_and_filtered(self, verify, sids):
        assert set(sids) == set(TEMPLATES)
        assert [found.sid for found in verify.templates.list(friendly_name="Code first")] == [sids["Code first"]]

    def test_give_a_send_its_words(self, service, body, sids, newest_code):
        service.verifications.create(to=PHONE, channel="sms", template_sid=sids["Code first"], locale="es")

        assert body() == f"{newest_code()} es tu código de SmartFin. Vale 10 minutos. No lo compartas con nadie."

    def test_take_substitutions_and_miss_them(self, service, body, sids):
        sid = sids["Code for an action"]
        words = json.dumps({"action": "open the {{code}} door"})

        assert refused(service.verifications.create, to=PHONE, channel="sms", template_sid=sid) == (400, 60224)
        service.verifications.create(to=PHONE, channel="sms", template_sid=sid, template_custom_substitutions=words)
        assert body().startswith("Your SmartFin code to open the ")

    def test_refuse_what_is_unknown_or_for_another_channel(self, service, sids):
        send = {"to": PHONE, "channel": "call"}

        assert refused(service.verifications.create, **send, template_sid="HJ" + "0" * 32) == (400, 60228)
        assert refused(service.verifications.create, **send, template_sid=sids["Code first"]) == (400, 60227)

    def test_are_tried_in_order_when_several_are_named(self, service, body, sids):
        choices = json.dumps([{"sid": "HJ" + "0" * 32}, {"sid": sids["Code first"]}])

        service.verifications.create(to=PHONE, channel="sms", templates=choices)

        assert "It works for 10 minutes" in body()

    def test_of_the_service_stand_in_for_its_built_in_words(self, service, body, sids):
        service.update(default_template_sid=sids["Code first"])

        service.verifications.create(to=PHONE, channel="sms")

        assert "It works for 10 minutes" in body()

    def test_every_language_has_its_words_everywhere(self):
        assert set(CODE) == set(TEMPLATES["Code first"][1])


class TestSafeList:
    def test_takes_finds_and_forgets_a_number(self, verify):
        added = verify.safelist.create(phone_number=PHONE)

        assert verify.safelist(PHONE).fetch().sid == added.sid
        assert refused(verify.safelist.create, phone_number=PHONE) == (400, 60411)
        assert verify.safelist(PHONE).delete()
        assert refused(verify.safelist(PHONE).fetch) == (404, 20404)

    def test_refuses_more_than_thirty_calls_a_minute(self, verify):
        for _ in range(30):
            assert refused(verify.safelist(PHONE).fetch) == (404, 20404)

        assert refused(verify.safelist(PHONE).fetch) == (429, 20429)

    def test_refuses_what_is_no_number(self, verify):
        assert refused(verify.safelist.create, phone_number="12") == (400, 60200)
