"""What schemathesis cannot know of the API: how to stay logged in, and which refusals of a request that obeys its schema are right.

The tool's own check of the latter knows only statuses. The one here looks at what an answer says: a 400 is right only when every
problem it tells is one that JSON Schema cannot state.
"""

import os
import re
import secrets

import requests
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

URL = os.environ["LASTRO_URL"]
CREDENTIALS = {
    "organizationSlug": os.environ["LASTRO_SLUG"],
    "email": os.environ["LASTRO_EMAIL"],
    "password": os.environ["LASTRO_PASSWORD"],
}


def from_elsewhere():
    """Another address each time: an account is locked for one that does not know the password, and so are all accounts in the end."""
    return {"X-Forwarded-For": f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"}


@schemathesis.auth()
class Session:
    """Logs in, and again when an operation ended the session."""

    def get(self, case, context):
        answer = requests.post(f"{URL}/api/v1/auth/login", json=CREDENTIALS, headers=from_elsewhere(), timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]["accessToken"]

    def set(self, case, data, context):
        security = case.operation.definition.raw["security"]
        if {"bearer": []} in security:
            case.headers["Authorization"] = f"Bearer {data}"
        elif {"metricsToken": []} in security:
            case.headers["Authorization"] = f"Bearer {CREDENTIALS['password']}"


# Settings that would end the session of whoever sets them, or keep it from asking.
ENDING = ("mfaRequired", "sessionTtl", "rateLimit")


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers.update(from_elsewhere())
    if case.operation.label == "PATCH /api/v1/settings" and case.meta and case.meta.generation.mode.is_positive:
        for setting in ENDING:
            case.body.pop(setting, None)


# Refusals of whole requests that the tool does not expect by itself.
ANSWERS = {
    # An `If-Match` that names no current version.
    "CONFLICT_VERSION",
    # An `Idempotency-Key` that came with another request before.
    "VALIDATION_IDEMPOTENCY_MISMATCH",
}

# Problems that a schema cannot state, each with the fields that can have it.
PROBLEMS = [
    # What was given out by the server, or is known to it: codes, names, cursors, tokens, codes of a second factor.
    ("UNKNOWN_CODE", r".*"),
    ("UNKNOWN_NAME", r"(eventTypes|types)\[\d+\]"),
    ("INVALID_CURSOR", r"cursor"),
    ("INVALID", r"token|code|currentPassword"),
    # A cursor and a page say where a list begins, each in its own way.
    ("INVALID", r"page"),
    # A stretch of time that ends before it begins, or has too many intervals.
    ("INVALID", r"to"),
    ("TOO_MANY_ITEMS", r"to"),
    # An instant that has passed.
    ("IN_PAST", r"(.*\.)?expiresAt"),
    # How deep pages go depends on how long they are.
    ("OUT_OF_RANGE", r"page"),
    # Passwords that are too well known, or have their owner's name in them; letters and digits of all alphabets.
    ("LETTER_AND_DIGIT_NEEDED", r"(.*\.)?(password|newPassword)"),
    ("TOO_COMMON", r"(.*\.)?(password|newPassword)"),
    ("CONTAINS_EMAIL", r"(.*\.)?(password|newPassword)"),
    # Check digits, and the number that is one digit repeated.
    ("INVALID_CHECK_DIGITS", r"(.*\.)?document"),
    ("REPEATED_CHARACTER", r"(.*\.)?document"),
    # Characters that nobody sees: categories of Unicode, and some letters besides.
    ("CONTROL_CHARACTER", r".*"),
    # Letters and digits of all alphabets, in names of networks; addresses of two families.
    ("INVALID_FORMAT", r"registrationDomains\[\d+\]|ipAllowlist\[\d+\]|timeZone"),
    # Words that the platform keeps for itself.
    ("RESERVED", r"(.*\.)?(slug|metric)"),
    # The same thing named twice, in lists whose items have more to say than their names.
    ("DUPLICATE_FIELD", r"(modules|permissions|withheldPermissions|quotas)\[\d+\].*"),
    # Whether a text can be read as an address; where a server may connect to.
    ("INVALID_FORMAT", r"url|supportUrl|termsUrl|privacyUrl|(.*\.)?email|supportEmail"),
    ("FORBIDDEN_URL", r"url"),
    # The greatest and the least of a duration, which has units.
    ("INVALID_FORMAT", r"overlap|sessionTtl"),
    # The role that manages one module: the module has to be said, which only a user's role can. No other has one.
    ("INVALID", r"scope|roleId|roleIds|parentRoleId"),
    # Conditions are a language of their own, with types, a depth and a size.
    (r".*", r"conditions(\..*)?"),
    # What a connection is made of depends on its provider.
    ("REQUIRED", r"(config|secrets)\..*"),
    ("UNKNOWN_FIELD", r"(config|secrets)\..*"),
    ("INVALID_TYPE", r"config\..*"),
    ("INVALID_FORMAT", r"config\..*"),
    ("NOT_ALLOWED", r"config\..*"),
    # A body of bytes that is no picture.
    ("INVALID", r""),
]


def is_beyond_schemas(problem):
    # The name of an unknown field is whatever the request called it, line breaks among it.
    return any(
        re.fullmatch(code, problem["code"]) and re.fullmatch(fields, problem["field"], re.DOTALL) for code, fields in PROBLEMS
    )


@schemathesis.check
def valid_requests_are_accepted(ctx, response, case):
    if response.status_code in (400, 412, 422):
        error = response.json()["error"]
        # What `POST /auth/token` answers is in the words of its own standard.
        if isinstance(error, dict):
            details = error.get("details")
            if error["code"] in ANSWERS or (isinstance(details, list) and all(map(is_beyond_schemas, details))):
                return
    positive_data_acceptance(ctx, response, case)
