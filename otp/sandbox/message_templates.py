"""Message templates: `/v2/Templates`, and the choice of one for a send."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction

from otp.sandbox import rendering
from otp.sandbox.calls import Call
from otp.sandbox.errors import ApiError, InvalidParameter
from otp.sandbox.models import Template
from otp.sandbox.paging import page_reply
from otp.sandbox.replies import Reply
from otp.sandbox.sids import is_sid, named_sid

TEMPLATES: dict[str, tuple[list[str], dict[str, str]]] = {
    "Code first": (
        ["sms"],
        {
            "en": "{{code}} is your {{friendly_name}} code. It works for {{ttl}} minutes. Don't share it with anyone.",
            "es": "{{code}} es tu código de {{friendly_name}}. Vale {{ttl}} minutos. No lo compartas con nadie.",
            "fr": "{{code}} est votre code {{friendly_name}}. Il est valable {{ttl}} minutes. Ne le partagez pas.",
            "de": "{{code}} ist dein Code für {{friendly_name}}. Er gilt {{ttl}} Minuten. Gib ihn nicht weiter.",
            "pt": "{{code}} é o seu código {{friendly_name}}. Vale {{ttl}} minutos. Não o partilhe com ninguém.",
        },
    ),
    "Code for an action": (
        ["sms", "call"],
        {"en": "Your {{friendly_name}} code to {{action}} is: {{code}}. Don't share it with anyone."},
    ),
}
OWN_PLACEHOLDERS = {"friendly_name", "code", "ttl"}
MAX_CHOICES = 10


def list_all(call: Call) -> Reply:
    ensure_templates(call)
    templates = Template.objects.all()
    if name := call.text("FriendlyName", longest=64):
        templates = templates.filter(friendly_name=name)
    return page_reply(call, "templates", templates, "HJ", rendering.template)


def ensure_templates(call: Call) -> None:
    if Template.objects.count() == len(TEMPLATES):
        return
    with transaction.atomic():
        for name, (channels, translations) in TEMPLATES.items():
            Template.objects.get_or_create(
                sid=named_sid("HJ", f"template.{name}"),
                defaults={
                    "friendly_name": name,
                    "channels": channels,
                    "translations": translations,
                    "created_at": call.now,
                },
            )


def find_text(call: Call, *, channel: str, locale: str, default_sid: str) -> str | None:
    """Find the text this send asks for, `{{code}}` and the other placeholders of Verify still in it.

    None when it asks for no template: the built-in text of the channel is used then.

    :raises ApiError: 602xx when no template that is named will do.
    """
    refusal: ApiError | None = None
    for sid, substitutions in _choices(call, channel, default_sid):
        try:
            return _text_of(call, sid, substitutions, channel, locale)
        except ApiError as error:
            refusal = refusal or error
    if refusal:
        raise refusal
    return None


def _choices(call: Call, channel: str, default_sid: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    listed = call.json_value("Templates", None)
    if listed is not None:
        # Twilio: by preference, and over TemplateSid.
        yield from _listed(listed)
    elif sid := call.text("TemplateSid"):
        yield sid, call.json_object("TemplateCustomSubstitutions")
    elif default_sid and channel in {"sms", "call"}:
        yield default_sid, call.json_object("TemplateCustomSubstitutions")


def _listed(listed: Any) -> list[tuple[str, Mapping[str, str]]]:
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CHOICES:
        raise InvalidParameter("Templates")
    found: list[tuple[str, Mapping[str, str]]] = []
    for item in listed:
        if not isinstance(item, dict) or not isinstance(item.get("sid"), str):
            raise InvalidParameter("Templates")
        substitutions = item.get("substitutions") or {}
        if not isinstance(substitutions, dict) or not all(_is_text(value) for value in substitutions.values()):
            raise InvalidParameter("Templates")
        found.append((item["sid"], substitutions))
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 255 and value.isprintable()


def _text_of(call: Call, sid: str, substitutions: Mapping[str, str], channel: str, locale: str) -> str:
    ensure_templates(call)
    template = Template.objects.filter(sid=sid).first() if is_sid("HJ", sid) else None
    if template is None:
        raise ApiError(60228)
    if channel not in template.channels:
        raise ApiError(60227)
    text = template.translations.get(locale) or template.translations["en"]
    wanted = set(re.findall(r"{{(\w+)}}", text)) - OWN_PLACEHOLDERS
    if wanted - substitutions.keys():
        raise ApiError(60224)
    return fill(text, {name: substitutions[name] for name in wanted})


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of their placeholders, once: what a value contains is never filled again."""
    return re.sub(r"{{(\w+)}}", lambda match: values.get(match[1], match[0]), text)
