"""An authenticator made of software: makes passkeys and signs with them as a phone would, or as a cheat would.

Written from WebAuthn level 3 (https://www.w3.org/TR/webauthn-3/, sections 5.8.1, 6.1 and 6.5), read 2026-11-26.
"""

import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.conf import settings
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

from accounts.factors import passkey
from accounts.tests.people import turn_on

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
HONEST = USER_PRESENT | USER_VERIFIED


class Authenticator:
    """One device with one passkey at most. Everything that it claims can be told otherwise, call by call.

    `counts` is whether it counts its uses; those that share passkeys between devices never do.
    """

    def __init__(self, *, counts: bool = True, algorithm: int = -7) -> None:
        self.credential_id = secrets.token_bytes(32)
        self.counts = counts
        self.sign_count = 0
        self.handle = b""
        self.algorithm = algorithm
        self.key: Any = {-7: lambda: ec.generate_private_key(ec.SECP256R1()), -8: ed25519.Ed25519PrivateKey.generate}[
            algorithm
        ]()

    def make(self, options: dict[str, Any], **claims: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.create()`. `claims`: `origin`, `rp_id`, `flags`, `type`, `challenge`, `fmt`."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        key = encode_cbor(self._describe_key())
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + key
        flags = claims.get("flags", HONEST) | ATTESTED
        data = self._make_data(claims.get("rp_id", options["rp"]["id"]), flags) + attested
        statement = {"fmt": claims.get("fmt", "none"), "attStmt": {}, "authData": data}
        client_data = _make_client_data(options, {"type": "webauthn.create", **claims})
        return self._answer(
            clientDataJSON=client_data, attestationObject=encode_cbor(statement), transports=["internal", "hybrid"]
        )

    def sign(self, options: dict[str, Any], **claims: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.get()`. `claims` as for `make`; also `sign_count`, `handle`, `key`."""
        if self.counts:
            self.sign_count += 1
        count = claims.get("sign_count", self.sign_count)
        data = self._make_data(claims.get("rp_id", options["rpId"]), claims.get("flags", HONEST), count)
        client_data = _make_client_data(options, {"type": "webauthn.get", **claims})
        signature = self._sign(claims.get("key", self.key), data + hashlib.sha256(client_data).digest())
        return self._answer(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=signature,
            userHandle=claims.get("handle", self.handle),
        )

    def _make_data(self, rp_id: str, flags: int, count: int | None = None) -> bytes:
        count = self.sign_count if count is None else count
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    def _sign(self, key: Any, data: bytes) -> bytes:
        return key.sign(data, ec.ECDSA(hashes.SHA256())) if self.algorithm == -7 else key.sign(data)

    def _describe_key(self) -> dict[int, Any]:
        """Give the public key as COSE has it (RFC 9053 section 7)."""
        public = self.key.public_key()
        if self.algorithm == -8:
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        point = public.public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}

    def _answer(self, **response: Any) -> dict[str, Any]:
        parts = {
            name: bytes_to_base64url(part) if isinstance(part, bytes) else part
            for name, part in response.items()
            if part
        }
        name = bytes_to_base64url(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": parts, "clientExtensionResults": {}}


def with_passkey(user: Any, *, name: str = "My phone", authenticator: Authenticator | None = None) -> Authenticator:
    """Set a passkey up, and turn the second factor on."""
    authenticator = authenticator or Authenticator()
    answer = authenticator.make(passkey.begin_adding(user, flow="set-up"))
    passkey.keep(passkey.read_new(user, json.dumps(answer), name=name, flow="set-up"))
    turn_on(user)
    return authenticator


def _make_client_data(options: dict[str, Any], claims: dict[str, Any]) -> bytes:
    origin = claims.get("origin", settings.OTP_WEBAUTHN_ALLOWED_ORIGINS[0])
    said = {"type": claims["type"], "challenge": claims.get("challenge", options["challenge"]), "origin": origin}
    return json.dumps({**said, "crossOrigin": claims.get("cross_origin", False)}).encode()
