//! What the trail holds of one person (LGPD, Lei 13.709/2018, art. 18): told, and taken out.

use std::collections::HashSet;

use db::{Db, DbError};
use kernel::OrganizationId;
use serde_json::Value;
use uuid::Uuid;

use crate::store::archives;
use crate::view::line;

/// What stands in the place of a value that was erased.
pub const ERASED: &str = "[erased]";

/// Takes a person out of an organization's trail; how many entries mentioned the person.
///
/// What happened stays: who did it becomes a pseudonym that is the same everywhere, and values of fields that are marked personal
/// are replaced, also where nothing but the `address` tells that they are the person's, as in an invitation. What the person did to
/// other people keeps telling about those. The chain stays verifiable. It needs the owner of the tables.
///
/// # Errors
/// [`DbError`]; then nothing was erased.
pub async fn erase(db: &Db, organization: OrganizationId, person: Uuid, address: &str) -> Result<u64, DbError> {
    let mut changes = Vec::new();
    let mut mentioned = 0;
    let mut after = Uuid::nil();
    loop {
        let part = archives::mentions(db.scope(organization), person, address, after).await?;
        let Some(last) = part.last() else { break };
        after = last.id;
        mentioned += part.len() as u64;
        for mention in part {
            let tells_address = mention
                .changes
                .as_ref()
                .is_some_and(|changes| changes.contains(address));
            let is_of_another = mention.target_kind == "user" && mention.target_id != person;
            if is_of_another && !tells_address {
                continue;
            }
            if let Some(masked) = masked(mention.changes.as_deref(), mention.personal.as_deref())? {
                changes.push((mention.id, masked));
            }
        }
    }
    let pseudonym = format!("erased {person}");
    db.maintain(organization, archives::erase(person, &pseudonym, changes))
        .await?;
    Ok(mentioned)
}

/// Hands over every entry that the person did or that was done to the person, oldest first, each as a line of JSON that ends with
/// its line break. Only one part of them is in memory at a time.
///
/// # Errors
/// [`DbError`], and those of `each`.
pub async fn tell<E: From<DbError>>(
    db: &Db,
    organization: OrganizationId,
    person: Uuid,
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = Uuid::nil();
    loop {
        let part = archives::of_person(db.scope(organization), person, after).await?;
        let Some(last) = part.last() else { return Ok(()) };
        after = last.id.into();
        for entry in part {
            each(&line(entry)?)?;
        }
    }
}

/// The changes with the values of personal fields replaced; `None` when there are none.
fn masked(changes: Option<&str>, personal: Option<&str>) -> Result<Option<String>, DbError> {
    let (Some(changes), Some(personal)) = (changes, personal) else {
        return Ok(None);
    };
    let broken = |error: serde_json::Error| DbError::Inconsistency {
        column: "audit_entries.changes".to_owned(),
        detail: error.to_string(),
    };
    let personal: HashSet<String> = serde_json::from_str(personal).map_err(broken)?;
    let mut fields: serde_json::Map<String, Value> = serde_json::from_str(changes).map_err(broken)?;
    for (_, pair) in fields.iter_mut().filter(|(name, _)| personal.contains(*name)) {
        for value in pair.as_object_mut().into_iter().flat_map(|pair| pair.values_mut()) {
            if !value.is_null() {
                *value = Value::from(ERASED);
            }
        }
    }
    serde_json::to_string(&fields).map(Some).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_personal_values_are_replaced_and_nothing_stays_nothing() {
        let changes = r#"{"name":{"from":"Ana","to":"Bia"},"email":{"from":null,"to":"a@b.c"},"isActive":{"from":true,"to":false}}"#;
        let masked = masked(Some(changes), Some(r#"["name","email"]"#)).unwrap().unwrap();
        assert_eq!(
            masked,
            r#"{"name":{"from":"[erased]","to":"[erased]"},"email":{"from":null,"to":"[erased]"},"isActive":{"from":true,"to":false}}"#
        );
    }

    #[test]
    fn what_marks_nothing_is_left_alone() {
        assert_eq!(masked(Some("{}"), None).unwrap(), None);
        assert_eq!(masked(None, Some("[]")).unwrap(), None);
    }
}
