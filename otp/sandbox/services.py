"""Verify Services: `/v2/Services`."""

import re
from typing import Any

from django.conf import settings
from django.db import transaction

from otp.sandbox import rendering
from otp.sandbox.calls import Call
from otp.sandbox.errors import InvalidParameter
from otp.sandbox.message_templates import ensure_templates
from otp.sandbox.models import Service, Template
from otp.sandbox.paging import page_reply
from otp.sandbox.replies import Reply, empty_reply, json_reply
from otp.sandbox.sids import is_sid, new_sid

BRAND = "SmartFin"
FLAGS = {
    "LookupEnabled": "lookup_enabled",
    "SkipSmsToLandlines": "skip_sms_to_landlines",
    "DtmfInputRequired": "dtmf_input_required",
    "Psd2Enabled": "psd2_enabled",
    "DoNotShareWarningEnabled": "do_not_share_warning_enabled",
    "CustomCodeEnabled": "custom_code_enabled",
    "VerifyEventSubscriptionEnabled": "verify_event_subscription_enabled",
}
# Settings of factors other than codes: kept and given back, used by nothing here.
GROUPS = {
    "Push.IncludeDate": bool,
    "Push.ApnCredentialSid": str,
    "Push.FcmCredentialSid": str,
    "Totp.Issuer": str,
    "Totp.TimeStep": int,
    "Totp.CodeLength": int,
    "Totp.Skew": int,
    "Whatsapp.MsgServiceSid": str,
    "Whatsapp.From": str,
    "Passkeys.RelyingParty.Id": str,
    "Passkeys.RelyingParty.Name": str,
    "Passkeys.RelyingParty.Origins": str,
    "Passkeys.AuthenticatorAttachment": str,
    "Passkeys.DiscoverableCredentials": str,
    "Passkeys.UserVerification": str,
}


def get_service(call: Call, sid: str, *, locked: bool = False) -> Service:
    """Find a Service, making the configured ones on first use. `locked` needs an open transaction.

    :raises ApiError: 404/20404 for an unknown or deleted one.
    """
    ensure_configured(call, sid)
    services = Service.objects.filter(sid=sid, is_deleted=False)
    # Not "for update" of the key: rows that point here may still be written meanwhile.
    service = (services.select_for_update(no_key=True) if locked else services).first()
    if service is None:
        raise call.missing()
    return service


def ensure_configured(call: Call, *sids: str) -> None:
    """Make those of the named Services that the settings configure and that do not exist yet."""
    for sid in _configured_sids().intersection(sids):
        if not Service.objects.filter(sid=sid).exists():
            Service.objects.get_or_create(
                sid=sid,
                defaults={
                    "friendly_name": BRAND,
                    "psd2_enabled": _is_psd2_alone(sid),
                    "do_not_share_warning_enabled": True,
                    "created_at": call.now,
                    "updated_at": call.now,
                },
            )


def list_all(call: Call) -> Reply:
    ensure_configured(call, *sorted(_configured_sids()))
    services = Service.objects.filter(is_deleted=False)
    return page_reply(call, "services", services, "VA", lambda service: rendering.service(call, service))


def create(call: Call) -> Reply:
    service = Service(sid=new_sid("VA"), created_at=call.now)
    _apply(call, service, friendly_name=call.text("FriendlyName", required=True))
    return json_reply(201, rendering.service(call, service))


def fetch(call: Call, service_sid: str) -> Reply:
    return json_reply(200, rendering.service(call, get_service(call, service_sid)))


@transaction.atomic
def update(call: Call, service_sid: str) -> Reply:
    service = get_service(call, service_sid, locked=True)
    _apply(call, service, friendly_name=call.text("FriendlyName") or service.friendly_name)
    return json_reply(200, rendering.service(call, service))


@transaction.atomic
def delete(call: Call, service_sid: str) -> Reply:
    service = get_service(call, service_sid, locked=True)
    service.is_deleted = True
    service.save(update_fields=["is_deleted"])
    return empty_reply()


def _configured_sids() -> set[str]:
    sids = {
        settings.TWILIO_VERIFY_SERVICE_SID,
        settings.TWILIO_LOGIN_SERVICE_SID,
        settings.TWILIO_PSD2_SERVICE_SID,
    }
    return {sid for sid in sids if is_sid("VA", sid)}


def _is_psd2_alone(sid: str) -> bool:
    others = {settings.TWILIO_VERIFY_SERVICE_SID, settings.TWILIO_LOGIN_SERVICE_SID}
    return sid == settings.TWILIO_PSD2_SERVICE_SID and sid not in others


def _apply(call: Call, service: Service, *, friendly_name: str) -> None:
    service.friendly_name = _checked_name(friendly_name)
    service.code_length = call.number("CodeLength", 4, 10, default=service.code_length)
    for name, field in FLAGS.items():
        setattr(service, field, call.flag(name, getattr(service, field)))
    service.tts_name = call.text("TtsName", longest=64) or service.tts_name
    service.default_template_sid = _read_template(call) or service.default_template_sid
    service.groups = {**service.groups, **_read_groups(call)}
    service.updated_at = call.now
    service.save()


def _checked_name(name: str) -> str:
    # Twilio: at most 30 characters, and more than four digits look like a code
    # (https://www.twilio.com/docs/verify/api/service).
    digits = sum(character.isdigit() for character in name)
    if not re.fullmatch(r"[\w -]{1,30}", name) or not name.strip() or digits > 4:
        raise InvalidParameter("FriendlyName")
    return name


def _read_template(call: Call) -> str:
    sid = call.text("DefaultTemplateSid")
    if sid:
        ensure_templates(call)
        if not is_sid("HJ", sid) or not Template.objects.filter(sid=sid).exists():
            raise InvalidParameter("DefaultTemplateSid")
    return sid


def _read_groups(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in GROUPS.keys() & call.params.keys():
        if GROUPS[name] is bool:
            found[name] = call.flag(name, default=True)
        elif GROUPS[name] is int:
            found[name] = call.number(name, 0, 3600)
        else:
            found[name] = call.text(name, longest=255)
    return found
