//! The organization that all others are copies of, made over the API.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PASSWORD, USERS, email, slug};
use crate::client::{ACCESS_TOKEN, Client, text};
use crate::process::sleep;
use crate::subject::Server;

/// Roles of each of the three levels: positions, which users hold, inherit from departments, and these from duties, which hold the permissions.
const ROLES: usize = 4;
/// Permissions over all duties.
const PERMISSIONS: usize = 60;
/// What the measured requests need. Everybody comes to them over three levels.
const NEEDED: [&str; 2] = ["IDENTITY_USER_READ", "RBAC_ROLE_CREATE"];

/// The organization with the number 0.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) id: Uuid,
    /// Its users in the order of their numbers.
    pub(super) users: Vec<Uuid>,
}

/// Makes it.
pub(super) fn make(server: &Server) -> anyhow::Result<Template> {
    let mut operator = server.client()?;
    let organization = json!({"name": "Organization 00000 Ltda", "slug": slug(0)});
    let administrator = json!({"name": "User 000", "email": email(0, 0), "password": PASSWORD});
    let package = widest_package(&mut operator)?;
    let tenant = operator
        .post(
            "/api/v1/tenants",
            &json!({"organization": organization, "packageCode": package, "admin": administrator}),
        )?
        .json(201)?;
    let mut users = vec![id_at(&tenant, "/data/admin/id")?];
    let credentials = json!({"organizationSlug": slug(0), "email": email(0, 0), "password": PASSWORD});
    let login = server.anonymous()?.log_in(&credentials)?;
    let mut administrator = server.client_of(&text(&login, ACCESS_TOKEN)?)?;
    let positions = roles(&mut administrator)?;
    for (number, position) in (1..USERS).zip(positions.iter().cycle()) {
        sleep(std::time::Duration::ZERO)?;
        let user = json!({"name": format!("User {number:03}"), "email": email(number, 0), "password": PASSWORD});
        let made = administrator.post("/api/v1/users", &user)?.json(201)?;
        let id = id_at(&made, "/data/id")?;
        administrator
            .post(&format!("/api/v1/users/{id}/roles"), &json!({"roleId": position}))?
            .json(201)?;
        users.push(id);
    }
    Ok(Template {
        id: id_at(&tenant, "/data/id")?,
        users,
    })
}

/// The code of the package with the most modules.
fn widest_package(operator: &mut Client) -> anyhow::Result<String> {
    let packages = operator.get("/api/v1/packages?limit=100")?.json(200)?;
    let modules = |package: &&Value| {
        package
            .pointer("/modules")
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    };
    let widest = packages
        .pointer("/data")
        .and_then(Value::as_array)
        .and_then(|packages| packages.iter().max_by_key(modules));
    let code = widest
        .and_then(|package| package.pointer("/code"))
        .and_then(Value::as_str);
    Ok(code.context("there is no package")?.to_owned())
}

/// Makes the three levels and returns the roles of the first, which users hold.
fn roles(administrator: &mut Client) -> anyhow::Result<Vec<Uuid>> {
    let mut level = |kind: &str| -> anyhow::Result<Vec<Uuid>> {
        (0..ROLES)
            .map(|number| {
                let role =
                    json!({"name": format!("{kind} {number}"), "code": format!("{}_{number}", kind.to_uppercase())});
                id_at(&administrator.post("/api/v1/roles", &role)?.json(201)?, "/data/id")
            })
            .collect()
    };
    let (duties, departments, positions) = (level("Duty")?, level("Department")?, level("Position")?);
    let common = duties.first().context("no duty")?;
    let mut inherit = |role: &Uuid, parent: &Uuid| -> anyhow::Result<()> {
        let path = format!("/api/v1/roles/{role}/parents");
        administrator.post(&path, &json!({"parentRoleId": parent}))?.json(201)?;
        Ok(())
    };
    for ((duty, department), position) in duties.iter().zip(&departments).zip(&positions) {
        inherit(position, department)?;
        inherit(department, common)?;
        if duty != common {
            inherit(department, duty)?;
        }
    }
    let share = PERMISSIONS / ROLES;
    for (number, code) in permissions(administrator)?.iter().enumerate() {
        let duty = duties.get(number / share).context("more permissions than places")?;
        let path = format!("/api/v1/roles/{duty}/permissions");
        administrator.post(&path, &json!({"permissionCode": code}))?.json(201)?;
    }
    Ok(positions)
}

/// Codes of permissions that an organization can grant: those that the requests need, and others.
fn permissions(administrator: &mut Client) -> anyhow::Result<Vec<String>> {
    let mut codes: Vec<String> = NEEDED.map(str::to_owned).to_vec();
    for page in 1.. {
        let path = format!("/api/v1/permissions?limit=100&page={page}");
        let answer = administrator.get(&path)?.json(200)?;
        let listed = answer.pointer("/data").and_then(Value::as_array).context("no list")?;
        if listed.is_empty() {
            break;
        }
        for permission in listed {
            let text = |name: &str| permission.get(name).and_then(Value::as_str).unwrap_or_default();
            // Reading what others hold stays with the administrator: that a member may not is checked.
            let wanted = text("scope") == "tenant" && !text("code").starts_with("RBAC_");
            if wanted && !codes.iter().any(|known| known == text("code")) && codes.len() < PERMISSIONS {
                codes.push(text("code").to_owned());
            }
        }
    }
    ensure!(codes.len() == PERMISSIONS, "there are only {} permissions", codes.len());
    Ok(codes)
}

fn id_at(answer: &Value, path: &str) -> anyhow::Result<Uuid> {
    Ok(text(answer, path)?.parse()?)
}
