"""Folding, refusing and masking destinations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otp.destinations import E164, Destination, fold_email, parse_destination, parse_phone, raise_if_refused
from otp.exceptions import ChannelUnavailable, CountryNotAllowed, DestinationBlocked, InvalidDestination, OtpError

# Every spelling lands on +12025550123.
SPELLINGS = [
    "+12025550123",
    "+1 202 555 0123",
    "+1 202-555-0123",
    "+1-202-555-0123",
    "+1.202.555.0123",
    "+1 (202) 555-0123",
    "+1(202)5550123",
    "+1 (202)555-0123",
    "+1  202  555  0123",
    " +12025550123",
    "+12025550123 ",
    "\t+12025550123\t",
    "+12025550123\n",
    "\n+12025550123\r\n",
    "++12025550123",
    "+ 1 202 555 0123",
    "+1/202/555/0123",
    "+1\u00a0202\u00a0555\u00a00123",  # no-break space
    "+1\u2009202\u2009555\u20090123",  # thin space
    "+1\u3000202\u3000555\u30000123",  # ideographic space
    "+1\u200b202\u200b555\u200b0123",  # zero-width space
    "\u200e+12025550123",  # left-to-right mark
    "\u202a+12025550123\u202c",  # embedding, as copied from address books
    "\u2068+12025550123\u2069",  # isolate
    "+1\u2010202\u2010555\u20100123",  # hyphen
    "+1\u2011202\u2011555\u20110123",  # non-breaking hyphen
    "+1\u2012202\u2012555\u20120123",  # figure dash
    "+1\u2013202\u2013555\u20130123",  # en dash
    "+1\u2014202\u2014555\u20140123",  # em dash
    "+1\u2212202\u2212555\u22120123",  # minus
    "+1\u00ad202\u00ad555\u00ad0123",  # soft hyphen
    "\uff0b12025550123",  # full-width plus
    "\uff0b\uff11\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff12\uff13",  # full-width digits
    "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663",  # Arabic-Indic digits
    "+\u06f1\u06f2\u06f0\u06f2\u06f5\u06f5\u06f5\u06f0\u06f1\u06f2\u06f3",  # Persian digits
    "+\u0967\u0968\u0966\u0968\u096b\u096b\u096b\u0966\u0967\u0968\u0969",  # Devanagari digits
    "tel:+12025550123",
    "tel:+1-202-555-0123",
    "TEL:+1-202-555-0123",
    "tel:202-555-0123;phone-context=+1",
    "tel:2025550123;phone-context=+1",
    "0012025550123",
    "00 1 202 555 0123",
    "00-1-202-555-0123",
    "(00) 1 202 555 0123",
    "00 1 (202) 555-0123",
    " 00 12025550123",
    "\uff10\uff1012025550123",  # full-width 00
    "+1 [202] 555 0123",
    "+1 ~202~ 555 0123",
    "Phone: +1 202 555 0123",
    "Mobile +1 202 555 0123",
    "<+12025550123>",
    '"+12025550123"',
    "'+12025550123'",
    "+1 202 555 0123.",
    "+1 202 555 0123,",
    "+1 202 555 0123;",
    "+1 202555 0123",
    "+1 20 25 55 01 23",
    "+1 2 0 2 5 5 5 0 1 2 3",
    "+12025550123\x00",
    "+1 202 55-50-123",
    "(+1) 202 555 0123",
    "(+1)2025550123",
    "[+1] 202 555 0123",
    "\ufeff+12025550123",  # byte order mark
]
EXTENSIONS = [
    "+12025550123x9",
    "+12025550123 ext. 9",
    "+12025550123;ext=9",
    "+12025550123#9",
    "+12025550123 extension 12",
]
# Satellite, premium, shared cost, toll-free, universal access, voicemail, personal: valid, and never sent to.
EXPENSIVE = [
    "+19002345678",  # US premium
    "+18002345678",  # US toll-free
    "+18882345678",
    "+449012345678",  # UK premium
    "+448001111111",  # UK toll-free
    "+448431234567",  # UK shared cost
    "+447012345678",  # UK personal
    "+445512345678",  # UK universal access
    "+491801234567",  # DE shared cost
    "+498001234567",  # DE toll-free
    "+499001234567",  # DE premium
    "+33891123456",  # FR premium
    "+34803123456",  # ES premium
    "+881612345678",  # satellite
    "+979123456789",  # international premium
    "+80012345678",  # international toll-free
    "+883510012345678",  # international networks
    "+870773111632",  # Inmarsat
]


class TestParseDestination:
    @pytest.mark.requirement("THR-08")
    def test_corpus_is_large_enough(self):
        assert len(set(SPELLINGS)) >= 60

    @pytest.mark.requirement("THR-08")
    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_all_spellings_of_a_number_are_one(self, spelling):
        destination = parse_destination(spelling)

        assert destination.address == "+12025550123"
        assert destination.hash == parse_destination("+12025550123").hash

    @pytest.mark.requirement("TOL-03")
    @pytest.mark.parametrize("spelling", EXTENSIONS)
    def test_extensions_are_refused(self, spelling):
        with pytest.raises(InvalidDestination):
            parse_destination(spelling)

    @pytest.mark.parametrize(
        "typed",
        ["", " ", "abc", "+", "123", "2025550123", "+1202555", "+99912345678", "+447700900123", "00", "+1" * 100],
    )
    def test_what_is_no_number_is_refused(self, typed):
        with pytest.raises(InvalidDestination):
            parse_destination(typed)

    def test_national_forms_need_a_default_country(self, settings):
        settings.OTP_DEFAULT_COUNTRY = "US"

        assert parse_destination("(202) 555-0123").address == "+12025550123"

    @pytest.mark.requirement("TOL-03")
    @given(st.text(max_size=40))
    def test_any_text_is_folded_to_e164_or_refused(self, typed):
        try:
            address = parse_phone(typed).address
        except InvalidDestination:
            return
        assert E164.match(address)
        assert parse_phone(address).address == address

    @pytest.mark.parametrize("typed", ["Ann@Example.com", " ann@example.com ", "ANN@EXAMPLE.COM", "ａｎｎ@example.com"])
    def test_all_spellings_of_an_address_are_one(self, typed):
        assert parse_destination(typed) == Destination("ann@example.com")

    @pytest.mark.parametrize(
        "typed", ["@", "a@", "@b.c", "a b@c.de", "a@b@c.de", "a@b.c\nBcc: d@e.fg", "a" * 250 + "@b.cd"]
    )
    def test_what_is_no_address_is_refused(self, typed):
        with pytest.raises(InvalidDestination):
            parse_destination(typed)

    @given(st.emails())
    def test_folding_an_address_twice_changes_nothing(self, email):
        assert fold_email(fold_email(email)) == fold_email(email)


class TestRaiseIfRefused:
    @pytest.mark.requirement("TOL-02")
    @pytest.mark.parametrize("channel", ["sms", "whatsapp", "call"])
    @pytest.mark.parametrize("number", EXPENSIVE)
    def test_expensive_kinds_are_refused_whatever_is_allowed(self, number, channel, settings):
        settings.OTP_ALLOWED_COUNTRIES = ["US", "GB", "DE", "FR", "ES", "001"]

        with pytest.raises(OtpError) as refusal:
            raise_if_refused(parse_destination(number), channel)
        assert refusal.type in {DestinationBlocked, InvalidDestination}

    @pytest.mark.requirement("TOL-01")
    @pytest.mark.parametrize("number", ["+33612345678", "+18762345678", "+14412345678", "+79161234567"])
    def test_other_countries_are_refused_even_behind_the_same_code(self, number, settings):
        settings.OTP_ALLOWED_COUNTRIES = ["US"]

        with pytest.raises(CountryNotAllowed):
            raise_if_refused(parse_destination(number), "sms")

    @pytest.mark.parametrize("number", ["+12025551234", "+919876543210", "+447911123456"])
    def test_the_numbers_of_the_guide_are_allowed(self, number):
        raise_if_refused(parse_destination(number), "sms")

    def test_a_landline_can_be_called_but_not_texted(self):
        landline = parse_destination("+442071838750")

        raise_if_refused(landline, "call")
        with pytest.raises(ChannelUnavailable):
            raise_if_refused(landline, "sms")

    @pytest.mark.parametrize(("to", "channel"), [("a@example.com", "sms"), ("+12025550123", "email")])
    def test_channel_and_destination_must_fit(self, to, channel):
        with pytest.raises(ChannelUnavailable):
            raise_if_refused(parse_destination(to), channel)

    def test_a_channel_that_is_off_is_refused(self, settings):
        settings.OTP_CHANNELS = ["sms"]

        with pytest.raises(ChannelUnavailable):
            raise_if_refused(parse_destination("+12025550123"), "call")


class TestDestination:
    def test_is_masked(self):
        assert parse_destination("+12025550123").masked == "+1 ••• ••• 0123"
        assert parse_destination("ann@example.com").masked == "a•••@example.com"

    def test_does_not_show_itself_in_tracebacks(self):
        assert "202555" not in repr(parse_destination("+12025550123"))

    def test_hashes_need_the_key(self, settings):
        first = parse_destination("+12025550123").hash
        settings.OTP_HASH_KEYS = ["another", settings.OTP_HASH_KEYS[0]]

        rotated = parse_destination("+12025550123")

        assert rotated.hash != first
        assert first in rotated.hashes

    def test_belongs_to_a_number_range(self):
        assert parse_destination("+12025550123").prefix == "+1202555"
