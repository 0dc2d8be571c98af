"""What one plain text message holds, the GSM 7-bit alphabet and 160 characters of it, and what can send one.

One character outside of it turns the whole message into UCS-2, where only 70 fit; the next one then costs a second
message. https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding, read 2026-11-24
"""

import math
import re
import unicodedata

# 3GPP TS 23.038, section 6.2.1: the basic table, and the extension whose characters count twice.
BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = set("^{}\\[~]|€")
# What one message holds, alone and as a part of several.
SEGMENT, PART = 160, 153
UCS2_SEGMENT, UCS2_PART = 70, 67
ELLIPSIS = "..."
# E.164, a short code, or a name of up to eleven characters with a letter in it.
# https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id, read 2026-11-24
SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,6}|(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9 +&_-]{1,11}")
TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("’‘‚′`´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("–—‑−", "-"),
        **dict.fromkeys("•·", "."),
        "…": ELLIPSIS,
        **dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\t", " "),
    }
)


def fit_text(text: str) -> str:
    """Fold text into the alphabet where it can be, and cut it, at a blank if possible, to what one message holds.

    Typographic marks become plain ones and letters lose accents that the alphabet lacks. A language with letters of
    its own stays as it is and has 70 characters.
    """
    folded = " ".join("".join(map(_fold, text.translate(TYPOGRAPHIC))).split())
    if _is_one(folded):
        return folded
    while not _is_one(folded + ELLIPSIS):
        shorter, blank, _ = folded.rpartition(" ")
        folded = shorter if blank else folded[:-1]
    return folded + ELLIPSIS


def count_units(text: str) -> int:
    """Count what a text takes of a message: septets in GSM-7, otherwise the 16-bit units of UCS-2."""
    if is_gsm7(text):
        return len(text) + sum(character in EXTENDED for character in text)
    return len(text.encode("utf-16-le")) // 2


def count_segments(text: str) -> int:
    """Count the messages that a text is cut into and charged as; an empty one is one."""
    units = count_units(text)
    alone, part = (SEGMENT, PART) if is_gsm7(text) else (UCS2_SEGMENT, UCS2_PART)
    return 1 if units <= alone else math.ceil(units / part)


def is_gsm7(text: str) -> bool:
    return set(text) <= BASIC | EXTENDED


def _is_one(text: str) -> bool:
    return count_segments(text) == 1


def _fold(character: str) -> str:
    if character in BASIC or character in EXTENDED:
        return character
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return plain if plain and set(plain) <= BASIC else character
