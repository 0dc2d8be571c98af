"""Amounts: what is read, what is refused, what is shown."""

from decimal import Decimal

import pytest
from django.utils import translation

from otp.exceptions import InvalidRequest
from otp.money import PLACES, read_amount, read_currency, read_text, show_amount, write_amount


class TestReadAmount:
    @pytest.mark.requirement("TXN-08")
    @pytest.mark.parametrize(
        ("typed", "currency", "written"),
        [
            ("120.00", "EUR", "120.00"),
            ("120", "EUR", "120.00"),
            ("120.5", "EUR", "120.50"),
            ("0.01", "EUR", "0.01"),
            ("99999999999.99", "EUR", "99999999999.99"),
            ("1250", "JPY", "1250"),
            ("1.005", "KWD", "1.005"),
            (Decimal("120.0000"), "EUR", "120.00"),
            (Decimal("1E+3"), "JPY", "1000"),
        ],
    )
    def test_takes_plain_digits_to_the_currency_s_places(self, typed, currency, written):
        assert write_amount(read_amount(typed, currency), currency) == written

    @pytest.mark.requirement("TXN-08")
    @pytest.mark.parametrize(
        ("typed", "currency"),
        [
            *[
                (typed, "EUR")
                for typed in (
                    *("-1", "+1", "1e3", "1E3", "NaN", "nan", "Infinity", "inf", "1,00", "1.000,00", "1_000", "1 000"),
                    *("", " ", "1 ", " 1", "1\n", "0", "0.00", "00.10", "01", ".5", "1.", "1.005", "1.0.0", "0x10"),
                    *(
                        "١٢٠",
                        "１２０",
                        "1٫00",
                        "²",
                        "½",
                        "1" * 30,
                        "1" * 12,
                        "0." + "0" * 30 + "1",
                        "1\x00",
                        "€1",
                        "1€",
                    ),
                )
            ],
            ("1.0", "JPY"),
            ("1.0001", "KWD"),
            (Decimal("NaN"), "EUR"),
            (Decimal("Infinity"), "EUR"),
            (Decimal("-1"), "EUR"),
            (Decimal("1.001"), "EUR"),
            (Decimal("1E+30"), "EUR"),
            (1.5, "EUR"),
            (120, "EUR"),
            (True, "EUR"),
            (None, "EUR"),
        ],
    )
    def test_refuses_everything_else(self, typed, currency):
        with pytest.raises(InvalidRequest) as refused:
            read_amount(typed, currency)

        assert list(refused.value.fields) == ["amount"]

    def test_says_how_to_write_it(self):
        for currency, example in (("EUR", "120.00"), ("JPY", "120."), ("KWD", "120.000")):
            with pytest.raises(InvalidRequest) as refused:
                read_amount("x", currency)
            assert example in refused.value.fields["amount"][0]


class TestReadCurrency:
    @pytest.mark.parametrize("code", ["", "eur", "EURO", "XXX", "XAU", "€", "ＥＵＲ", "DEM"])
    def test_refuses_what_nobody_is_paid_in(self, code):
        with pytest.raises(InvalidRequest):
            read_currency(code)

    def test_knows_the_currencies_in_use_with_their_places(self):
        assert (PLACES["EUR"], PLACES["JPY"], PLACES["KWD"], PLACES["ISK"], PLACES["MRU"]) == (2, 0, 3, 0, 2)
        assert all(len(code) == 3 and code.isupper() for code in PLACES)
        assert len(PLACES) > 150


class TestReadText:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("  Alice   GmbH ", "Alice GmbH"),
            ("Zoe\u0308", "Zoë"),
            ("株式会社", "株式会社"),
            ("O’Neil & Söhne", "O’Neil & Söhne"),
            ("Alice\u00a0\u2003GmbH\u3000", "Alice GmbH"),
        ],
    )
    def test_folds_what_looks_the_same(self, typed, kept):
        assert read_text(typed, "payee", longest=70, is_required=True) == kept

    @pytest.mark.requirement("TXN-01")
    @pytest.mark.parametrize(
        "typed",
        [
            "",
            " ",
            "...",
            "x" * 71,
            "two\nlines",
            "a\tb",
            "\u202eevil",
            "zero\u200bwidth",
            "a\x00b",
            "\ue000x",
            "a\u2028b",
            "\u3164",
            "Alice\u115f",
            "Bob\u2800",
        ],
    )
    def test_refuses_what_a_person_cannot_read(self, typed):
        with pytest.raises(InvalidRequest):
            read_text(typed, "payee", longest=70, is_required=True)


class TestShowAmount:
    @pytest.mark.parametrize(
        ("language", "shown"), [("en", "1,250.00 EUR"), ("es", "1.250,00 EUR"), ("de", "1.250,00 EUR")]
    )
    def test_writes_as_the_language_does(self, language, shown):
        with translation.override(language):
            assert show_amount(Decimal("1250"), "EUR").replace("\xa0", ".") == shown
