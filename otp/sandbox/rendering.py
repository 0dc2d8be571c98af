"""The JSON shapes of Verify's resources, key for key (https://www.twilio.com/docs/verify/api)."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from otp.sandbox import delivery
from otp.sandbox.calls import Call
from otp.sandbox.clock import in_z
from otp.sandbox.models import Attempt, Bucket, RateLimit, SafeNumber, Service, Template, Verification

# Twilio: amount and payee are forgotten after a day (https://www.twilio.com/docs/verify/verifying-transactions-psd2).
AMOUNT_KEPT = timedelta(days=1)
SERVICE_LINKS = {
    "verification_checks": "VerificationCheck",
    "verifications": "Verifications",
    "rate_limits": "RateLimits",
    "messaging_configurations": "MessagingConfigurations",
    "entities": "Entities",
    "webhooks": "Webhooks",
    "access_tokens": "AccessTokens",
}


def service(call: Call, row: Service) -> dict[str, Any]:
    url = call.url(f"/v2/Services/{row.sid}")
    kept = row.groups
    return {
        "sid": row.sid,
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "friendly_name": row.friendly_name,
        "code_length": row.code_length,
        "lookup_enabled": row.lookup_enabled,
        "psd2_enabled": row.psd2_enabled,
        "skip_sms_to_landlines": row.skip_sms_to_landlines,
        "dtmf_input_required": row.dtmf_input_required,
        "tts_name": row.tts_name or None,
        "do_not_share_warning_enabled": row.do_not_share_warning_enabled,
        "custom_code_enabled": row.custom_code_enabled,
        "push": {
            "include_date": kept.get("Push.IncludeDate", True),
            "apn_credential_sid": kept.get("Push.ApnCredentialSid"),
            "fcm_credential_sid": kept.get("Push.FcmCredentialSid"),
        },
        "totp": {
            "issuer": kept.get("Totp.Issuer") or row.friendly_name,
            "time_step": kept.get("Totp.TimeStep", 30),
            "code_length": kept.get("Totp.CodeLength", 6),
            "skew": kept.get("Totp.Skew", 1),
        },
        "whatsapp": {
            "msg_service_sid": kept.get("Whatsapp.MsgServiceSid"),
            "from": kept.get("Whatsapp.From"),
        },
        "passkeys": {
            "relying_party": {
                "id": kept.get("Passkeys.RelyingParty.Id"),
                "name": kept.get("Passkeys.RelyingParty.Name"),
                "origins": [origin for origin in kept.get("Passkeys.RelyingParty.Origins", "").split(",") if origin],
            },
            "authenticator_attachment": kept.get("Passkeys.AuthenticatorAttachment"),
            "discoverable_credentials": kept.get("Passkeys.DiscoverableCredentials"),
            "user_verification": kept.get("Passkeys.UserVerification"),
        },
        "default_template_sid": row.default_template_sid or None,
        "verify_event_subscription_enabled": row.verify_event_subscription_enabled,
        "date_created": in_z(row.created_at),
        "date_updated": in_z(row.updated_at),
        "url": url,
        "links": {name: f"{url}/{part}" for name, part in SERVICE_LINKS.items()},
    }


def verification(call: Call, row: Verification) -> dict[str, Any]:
    return {
        **_verification_head(call, row),
        "lookup": delivery.carrier_of(row) if row.service.lookup_enabled else {},
        "send_code_attempts": [
            {
                "time": in_z(attempt.created_at),
                # Twilio: its own samples write some channels in capitals and some not.
                "channel": attempt.channel if attempt.channel == "whatsapp" else attempt.channel.upper(),
                "attempt_sid": attempt.sid,
            }
            for attempt in row.attempts.order_by("pk")
        ],
        "sna": None,
        "url": call.url(f"/v2/Services/{row.service.sid}/Verifications/{row.sid}"),
    }


def check(call: Call, row: Verification) -> dict[str, Any]:
    return {**_verification_head(call, row), "sna_attempts_error_codes": []}


def _verification_head(call: Call, row: Verification) -> dict[str, Any]:
    is_amount_kept = call.now < row.created_at + AMOUNT_KEPT
    return {
        "sid": row.sid,
        "service_sid": row.service.sid,
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "to": row.to,
        "channel": row.channel,
        "status": str(row.status),
        "valid": row.status == Verification.Status.APPROVED,
        "amount": (row.amount or None) if is_amount_kept else None,
        "payee": (row.payee or None) if is_amount_kept else None,
        "date_created": in_z(row.created_at),
        "date_updated": in_z(row.updated_at),
    }


def attempt(call: Call, row: Attempt) -> dict[str, Any]:
    progress = delivery.progress_of(row, call.now)
    return {
        "sid": row.sid,
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "service_sid": row.verification.service.sid,
        "verification_sid": row.verification.sid,
        "date_created": in_z(row.created_at),
        "date_updated": in_z(max(progress.changed_at, row.converted_at or row.created_at)),
        "conversion_status": "converted" if row.is_converted else "unconverted",
        "channel": row.channel,
        # Twilio: the price may come late, and never includes the fee for a success.
        "price": {"value": row.price, "currency": row.currency} if progress.is_priced else None,
        "channel_data": delivery.channel_data(row, progress, call.now),
        "url": call.url(f"/v2/Attempts/{row.sid}"),
    }


def rate_limit(call: Call, row: RateLimit) -> dict[str, Any]:
    url = call.url(f"/v2/Services/{row.service.sid}/RateLimits/{row.sid}")
    return {
        "sid": row.sid,
        "service_sid": row.service.sid,
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "unique_name": row.unique_name,
        "description": row.description,
        "date_created": in_z(row.created_at),
        "date_updated": in_z(row.updated_at),
        "url": url,
        "links": {"buckets": f"{url}/Buckets"},
    }


def bucket(call: Call, row: Bucket) -> dict[str, Any]:
    limit = row.rate_limit
    return {
        "sid": row.sid,
        "rate_limit_sid": limit.sid,
        "service_sid": limit.service.sid,
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "max": row.max,
        "interval": row.interval,
        "date_created": in_z(row.created_at),
        "date_updated": in_z(row.updated_at),
        "url": call.url(f"/v2/Services/{limit.service.sid}/RateLimits/{limit.sid}/Buckets/{row.sid}"),
    }


def template(row: Template) -> dict[str, Any]:
    moment = in_z(row.created_at)
    return {
        "sid": row.sid,
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "friendly_name": row.friendly_name,
        "channels": row.channels,
        "translations": {
            locale: {
                "is_default_translation": locale == "en",
                "status": "approved",
                "locale": locale,
                "text": text,
                "date_updated": moment,
                "date_created": moment,
            }
            for locale, text in row.translations.items()
        },
    }


def safe_number(call: Call, row: SafeNumber) -> dict[str, Any]:
    return {
        "sid": row.sid,
        "phone_number": row.phone_number,
        "url": call.url(f"/v2/SafeList/Numbers/{row.phone_number}"),
    }
