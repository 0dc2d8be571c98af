"""What fits one text message."""

import pytest

from otp.text_messages import SENDER, count_segments, count_units, fit_text, is_gsm7


class TestFitText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Your number was changed.", "Your number was changed."),
            ("It wasn’t “you” — tell us…", 'It wasn\'t "you" - tell us...'),
            ("Tu número cambió: ¿eres tú? Señas", "Tu numero cambio: ¿eres tu? Señas"),
            ("Ihre Straße, größer", "Ihre Straße, größer"),
            ("Ça, ça\u00a0va", "Ça, ca va"),
            ("two\nlines\t and  blanks ", "two lines and blanks"),
        ],
    )
    def test_folds_into_the_plain_alphabet(self, text, expected):
        assert fit_text(text) == expected
        assert is_gsm7(expected)

    @pytest.mark.parametrize("length", [160, 161, 400])
    def test_cuts_at_a_blank_to_one_message(self, length):
        text = ("word " * 100)[: length - 1] + "x"

        fitted = fit_text(text)

        assert count_segments(fitted) == 1
        assert (fitted == text) == (length == 160)
        assert length == 160 or (fitted.endswith(" word...") and len(fitted) > 150)

    def test_counts_twice_what_the_extension_holds(self):
        assert count_units("€[]") == 6
        assert len(fit_text("€" * 81)) == 78 + len("...")

    def test_leaves_a_language_of_other_letters_and_gives_it_seventy(self):
        text = "आपका फ़ोन नंबर बदल दिया गया है। " * 4

        fitted = fit_text(text)

        assert not is_gsm7(fitted)
        assert 60 <= count_units(fitted) <= 70


class TestCountSegments:
    @pytest.mark.parametrize(
        ("text", "expected"), [("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 307, 3), ("я" * 70, 1), ("я" * 71, 2)]
    )
    def test_counts_as_carriers_do(self, text, expected):
        assert count_segments(text) == expected


class TestSender:
    @pytest.mark.parametrize("sender", ["+12025550123", "12345", "SmartFin", "Smart Fin 1"])
    def test_takes(self, sender):
        assert SENDER.fullmatch(sender)

    @pytest.mark.parametrize("sender", ["12025550123", "+0", "SmartFin Bank", "1234567", "Smart\nFin", "Smártfin", ""])
    def test_refuses(self, sender):
        assert not SENDER.fullmatch(sender)
