//! `POST /tenants`

use contracts::identity::UserView;
use contracts::organization::{NewOrganization, OrganizationView};
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Requires, Routes, SecretText, TextSchema};
use identity::domain::{Email, Password, PasswordPolicy};
use kernel::OrganizationId;
use organization::OrganizationCreate;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Administrator, Coming, Customer, NotOnboarded, Onboarded, Onboarding};

http::text_schema! {
    /// A name as organizations have it; those of users are alike.
    TenantName, organization::NAME_TEXT
}

http::text_schema! {
    /// A slug as organizations have it.
    TenantSlug, organization::SLUG_TEXT
}

http::text_schema! {
    /// A document as organizations have it.
    TenantDocument, organization::DOCUMENT_TEXT
}

http::text_schema! {
    /// An address as users have it.
    AdministratorEmail,
    TextSchema { max_length: Some(Email::MAX), format: Some("email"), example: "ana@padaria.example.com", ..Default::default() }
}

http::text_schema! {
    /// A password as users choose it.
    AdministratorPassword,
    TextSchema {
        min_length: Some(PasswordPolicy::SHORTEST),
        max_length: Some(Password::MAX),
        pattern: Some(r"^[^\x00-\x1f\x7f-\x9f]*$"),
        format: Some("password"),
        example: "tres tigres 3",
        ..Default::default()
    }
}

http::input! {
    /// The company.
    pub(crate) struct CompanyInput {
        /// What people call it.
        #[schema(value_type = TenantName)]
        name: String,
        /// What it is called in addresses; unique in the installation.
        #[schema(value_type = TenantSlug)]
        slug: String,
        /// Its CNPJ, numeric or alphanumeric, with or without punctuation; unique in the installation.
        #[schema(value_type = Option<TenantDocument>)]
        document: Option<String>,
    }
}

http::input! {
    /// Who administers it first.
    pub(crate) struct AdministratorInput {
        /// The person's name.
        #[schema(value_type = TenantName)]
        name: String,
        /// The address.
        #[schema(value_type = AdministratorEmail)]
        email: String,
        /// The password to come in with; without one the person is invited by mail.
        #[schema(value_type = Option<AdministratorPassword>)]
        password: Option<SecretText>,
    }
}

http::input! {
    /// A new customer.
    pub(crate) struct OnboardTenant {
        /// The company.
        organization: CompanyInput,
        /// The code of its package.
        package_code: String,
        /// Who administers it first.
        admin: AdministratorInput,
    }
}

/// A customer that was onboarded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant, rename_all = "camelCase")]
pub(crate) struct TenantView {
    /// The organization's id.
    #[schema(value_type = String, format = "uuid")]
    id: OrganizationId,
    /// The organization.
    organization: OrganizationView,
    /// The code of its package.
    package_code: Option<String>,
    /// The codes of the business modules that are on for it.
    modules: Vec<String>,
    /// Its first administrator.
    admin: UserView,
}

impl From<Onboarded> for TenantView {
    fn from(onboarded: Onboarded) -> Self {
        Self {
            id: onboarded.organization.id,
            package_code: onboarded.organization.package_code.clone(),
            organization: onboarded.organization,
            modules: onboarded.modules,
            admin: onboarded.administrator,
        }
    }
}

impl From<OnboardTenant> for Customer {
    fn from(input: OnboardTenant) -> Self {
        Self {
            organization: NewOrganization {
                name: input.organization.name,
                slug: input.organization.slug,
                document: input.organization.document,
            },
            package_code: input.package_code,
            administrator: Administrator {
                name: input.admin.name,
                email: input.admin.email,
                coming: match input.admin.password {
                    Some(SecretText(password)) => Coming::Password(password),
                    None => Coming::Invited,
                },
            },
        }
    }
}

impl From<NotOnboarded> for ApiError {
    fn from(refusal: NotOnboarded) -> Self {
        match refusal {
            NotOnboarded::Invalid(violations) => Self::violations(violations),
            NotOnboarded::Quota(quota) => quota.into(),
            NotOnboarded::Storage(error) => error.into(),
        }
    }
}

pub(super) fn routes() -> Routes<App> {
    Routes::new("Onboarding", "New customers, each in one step").post("/tenants", handle, doc())
}

fn doc() -> Doc {
    Doc::new("onboardTenant", "Onboard a customer")
        .describe(
            "Makes the organization, puts it on its package, makes its first administrator, and the roles and groups that every \
             organization begins with: all of it or nothing. The administrator is invited by mail unless a password is given.",
        )
        .takes::<OnboardTenant>(json!({
            "organization": { "name": "Padaria Central", "slug": "padaria-central", "document": "12.ABC.345/01DE-35" },
            "packageCode": "starter",
            "admin": { "name": "Ana Souza", "email": "ana@padaria.example" }
        }))
        .creates::<TenantView>("The customer", example())
        .refuses([ErrorCode::ConflictDuplicate, ErrorCode::RateLimitQuotaExceeded])
}

fn example() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "organization": {
            "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
            "name": "Padaria Central",
            "slug": "padaria-central",
            "document": "12ABC34501DE35",
            "isActive": true,
            "packageCode": "starter",
            "createdAt": "2026-11-21T12:00:00.000000Z",
            "updatedAt": "2026-11-21T12:00:00.000000Z"
        },
        "packageCode": "starter",
        "modules": ["FINANCE", "SALES"],
        "admin": {
            "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e50",
            "organizationId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
            "name": "Ana Souza",
            "email": "ana@padaria.example",
            "isActive": true,
            "emailVerified": false,
            "mfaEnabled": false,
            "lastLoginAt": null,
            "createdAt": "2026-11-21T12:00:00.000000Z",
            "updatedAt": "2026-11-21T12:00:00.000000Z"
        }
    })
}

async fn handle(caller: Requires<OrganizationCreate>, Body(input): Body<OnboardTenant>) -> Result<Answer, ApiError> {
    let granted = caller.granted().clone();
    let onboarding = Onboarding::of(caller.app().ports())?;
    let prepared = onboarding.prepare(Customer::from(input)).await?;
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, onboarding, prepared) = (granted.clone(), onboarding.clone(), prepared.clone());
            async move {
                let view = TenantView::from(onboarding.execute(&granted, &uow, &prepared).await?);
                Answer::created(&format!("/organizations/{}", view.id), &view)
            }
        })
        .await
}
