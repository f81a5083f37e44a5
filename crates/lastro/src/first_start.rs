//! The first start: an installation without anybody gets its first administrator.

use contracts::identity::{HeadCounts, Principals};
use db::DbError;
use http::App;
use identity::domain::Email;
use identity::operator;
use kernel::OrganizationId;
use secrecy::{ExposeSecret as _, SecretString};

use crate::administrators::{self, Administrator, AdministratorError};
use crate::config::FirstAdmin;

/// Who is there before anybody chose an address. Whoever follows the setup link is this user, and changes the address then.
const NOBODY_YET: &str = "admin@lastro.example.com";
const TASK: &str = "first start";

/// Makes the first administrator of the platform as the operator set it, where nobody is there yet. Without a wish of the operator:
/// a link by which whoever started the server becomes the administrator, once and within 24 hours, until somebody did.
///
/// # Errors
///
/// [`AdministratorError`].
pub async fn prepare(
    app: &App,
    platform: OrganizationId,
    wish: Option<&FirstAdmin>,
) -> Result<Option<String>, AdministratorError> {
    if let Some(FirstAdmin { email, password }) = wish {
        if is_nobody_there(app, platform).await? {
            make(app, platform, email, Some(password.clone())).await?;
        }
        return Ok(None);
    }
    let address = Email::new(NOBODY_YET).map_err(|violation| DbError::Internal(violation.to_string()))?;
    let mut waiting = operator::user_with_address(app.ports(), platform, &address).await?;
    if waiting.is_none() && is_nobody_there(app, platform).await? {
        make(app, platform, NOBODY_YET, None).await?;
        waiting = operator::user_with_address(app.ports(), platform, &address).await?;
    }
    let Some(waiting) = waiting else { return Ok(None) };
    let is_set_up = operator::has_password(app.ports(), platform, waiting.id).await?;
    if is_set_up || !waiting.is_active || !is_alone(app, platform).await? {
        return Ok(None);
    }
    let link = operator::setup_link(app.ports(), platform, waiting.id, NOBODY_YET).await?;
    Ok(Some(instructions(&link)))
}

async fn make(
    app: &App,
    platform: OrganizationId,
    email: &str,
    password: Option<SecretString>,
) -> Result<(), AdministratorError> {
    let administrator = Administrator {
        name: "Administrator".to_owned(),
        email: email.to_owned(),
        password,
    };
    match administrators::create(app, platform, &administrator, TASK).await {
        // Another node started at the same moment.
        Ok(_) | Err(AdministratorError::Taken(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn is_nobody_there(app: &App, platform: OrganizationId) -> Result<bool, DbError> {
    let people = app.ports().get::<dyn Principals>()?.rows(platform, None).await?;
    Ok(people.users.is_empty())
}

async fn is_alone(app: &App, platform: OrganizationId) -> Result<bool, DbError> {
    let counts = app.ports().get::<dyn HeadCounts>()?.active_users(&[platform]).await?;
    Ok(counts == [1])
}

fn instructions(link: &SecretString) -> String {
    let link = link.expose_secret();
    let (page, token) = link.split_once("?token=").unwrap_or((link, ""));
    let base = page.trim_end_matches("/password/reset");
    format!(
        "\nNobody administers this installation yet. Whoever has this link sets the password of {NOBODY_YET}, once and within 24 \
         hours:\n\n    {link}\n\nWithout a page behind it:\n\n    curl -H 'Content-Type: application/json' \
         {base}/api/v1/auth/password/reset \\\n      -d '{{\"token\":\"{token}\",\"password\":\"...\"}}'\n"
    )
}
