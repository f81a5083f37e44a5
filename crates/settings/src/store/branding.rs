//! The table `branding`.

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{OrganizationId, RuleViolation};

use super::owner;
use crate::domain::{Branding, Color, ContentHash, DisplayName, Look, MailAddress, PageAddress, Place};
use crate::view::{BrandingShown, BrandingView, Links};

const LOOKUP: Sql = Sql::tenant(
    "SELECT organization_id, logo, favicon, display_name, primary_color, accent_color, primary_color_dark, \
     accent_color_dark, support_email, support_url, terms_url, privacy_url FROM branding WHERE organization_id = $1",
)
.point();
const SAVE: Sql = Sql::tenant(
    "INSERT INTO branding (organization_id, logo, favicon, display_name, primary_color, accent_color, primary_color_dark, \
     accent_color_dark, support_email, support_url, terms_url, privacy_url, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
     ON CONFLICT (organization_id) DO UPDATE SET logo = excluded.logo, favicon = excluded.favicon, \
     display_name = excluded.display_name, primary_color = excluded.primary_color, accent_color = excluded.accent_color, \
     primary_color_dark = excluded.primary_color_dark, accent_color_dark = excluded.accent_color_dark, \
     support_email = excluded.support_email, support_url = excluded.support_url, terms_url = excluded.terms_url, \
     privacy_url = excluded.privacy_url, updated_at = excluded.updated_at",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, SAVE];

/// The branding of the organization; an empty one where nothing was ever said.
pub(crate) async fn lookup(scope: Scope<'_>, organization_id: OrganizationId) -> Result<Branding, DbError> {
    let found = scope.optional(&LOOKUP, &[], branding).await?;
    Ok(found.unwrap_or_else(|| Branding::stored(organization_id, Look::default(), None, None)))
}

/// Reads the branding for a change, and holds it until the unit ends.
pub(crate) async fn lock(uow: &UnitOfWork, organization_id: OrganizationId) -> Result<Branding, DbError> {
    owner::lock(uow, organization_id).await?;
    lookup(uow.scope(organization_id).reads(), organization_id).await
}

/// Stores what changed; false when nothing did.
pub(crate) async fn save(uow: &UnitOfWork, branding: &mut Branding, links: &Links) -> Result<bool, DbError> {
    let events = branding.take_events();
    if events.is_empty() {
        return Ok(false);
    }
    let organization_id = branding.organization_id();
    let look = branding.look();
    let picture = |place| branding.picture(place).map(|picture| picture.as_bytes().to_vec());
    let (logo, favicon) = (picture(Place::Logo), picture(Place::Favicon));
    let row = [
        logo.as_deref().into(),
        favicon.as_deref().into(),
        look.display_name.as_ref().map(DisplayName::as_str).into(),
        look.primary_color.as_ref().map(Color::as_str).into(),
        look.accent_color.as_ref().map(Color::as_str).into(),
        look.primary_color_dark.as_ref().map(Color::as_str).into(),
        look.accent_color_dark.as_ref().map(Color::as_str).into(),
        look.support_email.as_ref().map(MailAddress::as_str).into(),
        look.support_url.as_ref().map(PageAddress::as_str).into(),
        look.terms_url.as_ref().map(PageAddress::as_str).into(),
        look.privacy_url.as_ref().map(PageAddress::as_str).into(),
        Value::from(uow.now()),
    ];
    uow.scope(organization_id).send(&SAVE, &row).await?;
    let shown = BrandingShown {
        id: organization_id,
        branding: BrandingView::new(branding, links),
    };
    uow.record_all(organization_id, events, &shown)
}

fn branding(row: &Row<'_>) -> Result<Branding, DbError> {
    let look = Look {
        display_name: value(row, 3, DisplayName::new)?,
        primary_color: value(row, 4, Color::new)?,
        accent_color: value(row, 5, Color::new)?,
        primary_color_dark: value(row, 6, Color::new)?,
        accent_color_dark: value(row, 7, Color::new)?,
        support_email: value(row, 8, MailAddress::new)?,
        support_url: value(row, 9, PageAddress::new)?,
        terms_url: value(row, 10, PageAddress::new)?,
        privacy_url: value(row, 11, PageAddress::new)?,
    };
    Ok(Branding::stored(row.id(0)?, look, picture(row, 1)?, picture(row, 2)?))
}

fn value<T>(
    row: &Row<'_>,
    index: usize,
    parse: impl Fn(&str) -> Result<T, RuleViolation>,
) -> Result<Option<T>, DbError> {
    row.get::<Option<String>>(index)?
        .map(|text| parse(&text).map_err(|_| row.inconsistency(index)))
        .transpose()
}

fn picture(row: &Row<'_>, index: usize) -> Result<Option<ContentHash>, DbError> {
    row.get::<Option<Vec<u8>>>(index)?
        .map(|bytes| ContentHash::from_bytes(&bytes).ok_or_else(|| row.inconsistency(index)))
        .transpose()
}
