"""What tests of the audit in the admin site share."""

from otp.destinations import parse_destination
from otp.tests.records import make_attempt

NUMBER = "+12025550123"
LIST = "/admin/otp/verificationattempt/"
VERIFICATIONS = "/admin/otp/verification/"
FIND = f"{LIST}find/"
EXPORT = f"{LIST}export/"


def get_rows(answer):
    return list(answer.context["cl"].result_list)


def make_to(number, **fields):
    return make_attempt(destination_hash=parse_destination(number).hash, **fields)
