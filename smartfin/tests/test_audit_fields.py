"""Every field of an attempt is sealed, or is said to be one that may change."""

import pytest

from otp.models import VerificationAttempt
from otp.operations.audit_digests import ROW_FIELDS, ROW_VERSION, UNSEALED_FIELDS


@pytest.mark.requirement("AUD-02")
def test_every_field_of_an_attempt_is_sealed_or_said_not_to_be():
    fields = {field.attname for field in VerificationAttempt._meta.concrete_fields}

    # A new field belongs into the newest version of ROW_FIELDS (a new one, once any site has sealed rows), unless it
    # changes after the attempt was settled.
    assert {*ROW_FIELDS[ROW_VERSION]} | UNSEALED_FIELDS == fields
