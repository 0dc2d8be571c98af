"""Reading request bodies: JSON only, and nothing in it that a later step could stumble over."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """JSON that says one thing: an object, no key twice, no text that is not Unicode, no depth without end."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read one object. Its size was held to `DATA_UPLOAD_MAX_MEMORY_SIZE` when Django read the body.

        :raises UnsupportedMediaType: for everything else than `application/json`, to the letter
        :raises ParseError: for everything else than one JSON object
        """
        # DRF lets a client's */* stand for anything; a browser's form of another site could send that.
        if (media_type or "").partition(";")[0].strip().lower() != self.media_type:
            raise UnsupportedMediaType(media_type or "")
        try:
            # RFC 8259 section 8.1: JSON between systems is UTF-8, whatever a header says.
            data = json.loads(stream.read().decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_build_object)
            # A lone surrogate can be written as \ud800 but never stored or sent on.
            json.dumps(data, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ParseError(_("The request must be one JSON object.")) from None
        if not isinstance(data, dict):
            raise ParseError(_("The request must be one JSON object."))
        return data


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        # Two readers of the same bytes could take different ones.
        raise ValueError("duplicate key")
    return data
