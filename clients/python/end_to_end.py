"""The generated client against a running server, and libraries of other people that read its tokens.

LASTRO_URL is the server, LASTRO_ALGORITHM what its tokens are signed with; LASTRO_EMAIL and LASTRO_PASSWORD are those of its
operator. All names are new in each run.
"""

import os
import secrets
from typing import TypeVar, cast
from uuid import UUID

import jwt
from authlib.integrations.requests_client import OAuth2Session
from lastro_client import AuthenticatedClient, Client
from lastro_client.api.access import check_access
from lastro_client.api.authentication import login
from lastro_client.api.events import list_events
from lastro_client.api.onboarding import onboard_tenant
from lastro_client.api.organizations import create_organization
from lastro_client.api.packages import create_package
from lastro_client.api.permissions import list_permissions
from lastro_client.api.roles import create_role, get_role, grant_permission, update_role
from lastro_client.api.service_accounts import create_service_account
from lastro_client.api.user_roles import assign_role, revoke_role
from lastro_client.api.users import create_user, list_users
from lastro_client.models import (
    AccessDecision,
    AdministratorInput,
    AssignRole,
    Check,
    CompanyInput,
    CreateOrganization,
    CreateOrganizationResponse201,
    CreatePackage,
    CreateRole,
    CreateServiceAccount,
    CreateUser,
    Error,
    ErrorAnswer,
    ErrorCode,
    GrantPermissionByPermissionCode,
    ListPermissionsSort,
    ListUsersSort,
    LoginByOrganizationSlug,
    OnboardTenant,
    OpenSession,
    Problem,
    UpdateRole,
)
from lastro_client.types import UNSET, Response

URL = os.environ["LASTRO_URL"]
ALGORITHM = os.environ["LASTRO_ALGORITHM"]
EMAIL = os.environ["LASTRO_EMAIL"]
PASSWORD = os.environ["LASTRO_PASSWORD"]
RUN = secrets.token_hex(4)
SLUG = f"padaria-{RUN}"

T = TypeVar("T")


def told(response: Response[ErrorAnswer | T]) -> T:
    """What a call answered, where it must have succeeded."""
    answer = response.parsed
    if answer is None or isinstance(answer, ErrorAnswer):
        raise AssertionError(f"{response.status_code}: {response.content!r}")
    return answer


def refused(response: Response[ErrorAnswer | T], status: int) -> Error:
    """The refusal that a call answered, where it must have been refused."""
    assert response.status_code == status, response
    assert isinstance(response.parsed, ErrorAnswer), response
    assert response.parsed.error.request_id == response.headers["x-request-id"]
    return response.parsed.error


def log_in(slug: str, email: str) -> tuple[AuthenticatedClient, str]:
    body = LoginByOrganizationSlug(organization_slug=slug, email=email, password=PASSWORD)
    session = told(login.sync_detailed(client=Client(base_url=URL), body=body)).data
    # The types tell a session from a login that still needs a second factor.
    assert isinstance(session, OpenSession), session
    return AuthenticatedClient(base_url=URL, token=session.access_token), session.access_token


def a_wrong_password_is_told_without_a_hint() -> None:
    body = LoginByOrganizationSlug(organization_slug="platform", email=EMAIL, password="not the password 1")
    error = refused(login.sync_detailed(client=Client(base_url=URL), body=body), 401)
    assert error.code == ErrorCode.AUTH_INVALID_CREDENTIALS


def an_organization_is_made_once_however_often_it_is_asked_for(operator: AuthenticatedClient) -> None:
    def ask(name: str) -> Response[ErrorAnswer | CreateOrganizationResponse201]:
        body = CreateOrganization(name=name, slug=f"cafe-{RUN}")
        return create_organization.sync_detailed(client=operator, body=body, idempotency_key=f"python-{RUN}")

    first, again = ask("Café do Largo"), ask("Café do Largo")
    assert told(first).data.document is None
    assert first.headers["location"] == f"/api/v1/organizations/{told(first).data.id}"
    assert told(again) == told(first)
    assert again.headers["idempotency-replayed"] == "true"
    assert refused(ask("Another"), 422).code == ErrorCode.VALIDATION_IDEMPOTENCY_MISMATCH


def a_customer_is_onboarded(operator: AuthenticatedClient) -> tuple[AuthenticatedClient, str]:
    code, email = f"starter-{RUN}", "ana@example.com"
    told(create_package.sync_detailed(client=operator, body=CreatePackage(code=code, name="Starter", modules=["FINANCE"])))
    body = OnboardTenant(
        organization=CompanyInput(name="Padaria Central", slug=SLUG),
        package_code=code,
        admin=AdministratorInput(name="Ana Souza", email=email, password=PASSWORD),
    )
    tenant = told(onboard_tenant.sync_detailed(client=operator, body=body)).data
    assert (tenant.organization.slug, tenant.modules) == (SLUG, ["FINANCE"])
    return log_in(SLUG, email)


def all_problems_are_told_at_once(administrator: AuthenticatedClient) -> None:
    body = CreateUser(name="B", email="nobody", password="short")
    error = refused(create_user.sync_detailed(client=administrator, body=body, accept_language="pt-BR"), 400)
    assert error.code == ErrorCode.VALIDATION_FAILED and "requisição" in error.message
    assert isinstance(error.details, list)
    problems: list[Problem] = error.details
    found = {(problem.field, problem.code) for problem in problems}
    assert {("name", "TOO_SHORT"), ("email", "INVALID_FORMAT")} <= found and any(field == "password" for field, _ in found)


def a_new_user_is_kept_out(administrator: AuthenticatedClient) -> tuple[AuthenticatedClient, UUID]:
    email = "bruno@example.com"
    body = CreateUser(name="Bruno Lima", email=email, password=PASSWORD)
    user = told(create_user.sync_detailed(client=administrator, body=body)).data
    assert user.last_login_at is None
    clerk, _ = log_in(SLUG, email)
    error = refused(list_users.sync_detailed(client=clerk), 403)
    assert error.code == ErrorCode.RBAC_FORBIDDEN and error.details and not isinstance(error.details, list)
    assert error.details.to_dict() == {"permission": "IDENTITY_USER_READ", "step": "grant"}
    return clerk, user.id


def a_role_lets_in(administrator: AuthenticatedClient, clerk: AuthenticatedClient, clerk_id: UUID) -> UUID:
    body = CreateRole(name="Directory reader", code=f"READER_{RUN.upper()}", description="Looks people up")
    role = told(create_role.sync_detailed(client=administrator, body=body)).data
    grant = GrantPermissionByPermissionCode(permission_code="IDENTITY_USER_READ")
    assert grant_permission.sync_detailed(role.id, client=administrator, body=grant).status_code == 201
    told(assign_role.sync_detailed(clerk_id, client=administrator, body=AssignRole(role_id=role.id)))
    users = told(list_users.sync_detailed(client=clerk, sort=ListUsersSort.NAME))
    assert [user.name for user in users.data] == ["Ana Souza", "Bruno Lima"] and users.meta.total == 2
    decision = told(check_access.sync_detailed(client=clerk, body=Check(permission="IDENTITY_USER_READ"))).data
    assert isinstance(decision, AccessDecision) and decision.allowed and decision.path
    assert [step.type_ for step in decision.path.steps] == ["role"]
    return role.id


def a_change_names_its_version_and_clears_what_is_null(administrator: AuthenticatedClient, role_id: UUID) -> None:
    version = get_role.sync_detailed(role_id, client=administrator).headers["etag"]
    changed = update_role.sync_detailed(role_id, client=administrator, if_match=version, body=UpdateRole(description=None))
    assert told(changed).data.description is None
    stale = update_role.sync_detailed(role_id, client=administrator, if_match=version, body=UpdateRole(name="Too late"))
    assert refused(stale, 412).code == ErrorCode.CONFLICT_VERSION


def a_list_is_read_to_its_end_by_its_cursor(administrator: AuthenticatedClient) -> None:
    codes: list[str] = []
    cursor: str | None = None
    while True:
        part = told(
            list_permissions.sync_detailed(
                client=administrator, limit=7, sort=ListPermissionsSort.CODE, cursor=UNSET if cursor is None else cursor
            )
        )
        codes += [permission.code for permission in part.data]
        cursor = part.meta.next_cursor
        if cursor is None:
            break
    assert part.meta.total == len(codes) > 14
    assert codes == sorted(set(codes))


def a_parameter_has_several_values(administrator: AuthenticatedClient) -> None:
    events = told(list_events.sync_detailed(client=administrator, types=["user.created", "role.*"])).data
    types = {event.type_ for event in events}
    assert "role.created" in types and all(kind == "user.created" or kind.startswith("role.") for kind in types)


def what_was_withdrawn_is_refused_at_once(
    administrator: AuthenticatedClient, clerk: AuthenticatedClient, clerk_id: UUID, role_id: UUID
) -> None:
    assert revoke_role.sync_detailed(clerk_id, role_id, client=administrator).status_code == 204
    assert refused(list_users.sync_detailed(client=clerk), 403).code == ErrorCode.RBAC_FORBIDDEN


def verified(token: str) -> dict[str, object]:
    """The claims of a token, by somebody who knows nothing of the server but where its keys are."""
    key = jwt.PyJWKClient(f"{URL}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        audience="lastro",
        issuer=URL,
        options={"require": ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]},
    )
    header, payload, signature = token.split(".")
    forged = ".".join([header, payload, ("A" if signature[0] != "A" else "B") + signature[1:]])
    try:
        jwt.decode(forged, key, algorithms=[ALGORITHM], audience="lastro")
    except jwt.InvalidSignatureError:
        return cast(dict[str, object], claims)
    raise AssertionError("a forged signature was accepted")


def a_stranger_verifies_tokens_by_the_key_set(token: str) -> None:
    claims = verified(token)
    assert jwt.get_unverified_header(token)["alg"] == ALGORITHM
    assert (claims["type"], claims["role"]) == ("user", "ORG_ADMIN")
    UUID(str(claims["tenantId"]))


def a_library_gets_a_service_token(administrator: AuthenticatedClient) -> None:
    body = CreateServiceAccount(name="Importer", permissions=["IDENTITY_USER_READ"])
    account = told(create_service_account.sync_detailed(client=administrator, body=body)).data
    for method in ("client_secret_basic", "client_secret_post"):
        with OAuth2Session(account.client_id, account.client_secret, token_endpoint_auth_method=method) as client:
            token = client.fetch_token(f"{URL}/api/v1/auth/token", grant_type="client_credentials")
            assert token["token_type"] == "Bearer" and token["expires_in"] > 0
            answer = client.get(f"{URL}/api/v1/users")
            assert answer.status_code == 200 and len(answer.json()["data"]) == 2
            assert client.get(f"{URL}/api/v1/roles").status_code == 403
        claims = verified(token["access_token"])
        assert (claims["type"], claims["sub"]) == ("service", str(account.id))


def main() -> None:
    a_wrong_password_is_told_without_a_hint()
    operator, _ = log_in("platform", EMAIL)
    an_organization_is_made_once_however_often_it_is_asked_for(operator)
    administrator, token = a_customer_is_onboarded(operator)
    all_problems_are_told_at_once(administrator)
    clerk, clerk_id = a_new_user_is_kept_out(administrator)
    role_id = a_role_lets_in(administrator, clerk, clerk_id)
    a_change_names_its_version_and_clears_what_is_null(administrator, role_id)
    a_list_is_read_to_its_end_by_its_cursor(administrator)
    a_parameter_has_several_values(administrator)
    what_was_withdrawn_is_refused_at_once(administrator, clerk, clerk_id, role_id)
    a_stranger_verifies_tokens_by_the_key_set(token)
    a_library_gets_a_service_token(administrator)


if __name__ == "__main__":
    main()
