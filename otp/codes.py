"""How typed codes are read: the digits, however they were written. Public."""

import re
import unicodedata

MIN_CODE_LENGTH = 4
MAX_CODE_LENGTH = 10
MAX_TYPED_CODE_LENGTH = 64
SEPARATORS = re.compile(r"[\s\-.·]+")


def fold_code(typed: str) -> str:
    """Fold `123 456`, `123-456` and full-width digits to the code itself; what is no digit stays as it is."""
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", typed))


def is_digits(code: str) -> bool:
    return re.fullmatch(r"[0-9]+", code) is not None
