//! `PUT` and `DELETE` of a group's members, roles and permissions: `/groups/{id}/members/{userId}`, `/groups/{id}/roles/{roleId}`,
//! `/groups/{id}/permissions/{permissionId}`.

use contracts::access::RoleId;
use contracts::catalog::PermissionId;
use contracts::identity::{Principals, UserId};
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathIds, RequiresWithin};

use crate::app::{Part, put_part, remove_part};
use crate::domain::GroupId;
use crate::manifest::GroupUpdate;
use crate::view::GroupView;

pub(super) fn put_member_doc() -> Doc {
    putting("addGroupMember", "Take a user into a group")
}

pub(super) fn remove_member_doc() -> Doc {
    removing("removeGroupMember", "Take a user out of a group")
}

pub(super) fn put_role_doc() -> Doc {
    putting("addGroupRole", "Grant a role to a group")
}

pub(super) fn remove_role_doc() -> Doc {
    removing("removeGroupRole", "Take a role from a group")
}

pub(super) fn put_permission_doc() -> Doc {
    putting("addGroupPermission", "Grant a permission to a group")
}

pub(super) fn remove_permission_doc() -> Doc {
    removing("removeGroupPermission", "Take a permission from a group")
}

fn putting(operation: &'static str, summary: &'static str) -> Doc {
    Doc::new(operation, summary)
        .describe("Done twice it is the same as once. Nobody grants more than they hold.")
        .answers::<GroupView>("It is so now", super::example::group())
        .refuses([ErrorCode::RbacEscalation])
}

fn removing(operation: &'static str, summary: &'static str) -> Doc {
    Doc::new(operation, summary)
        .answers_nothing("It is so no more")
        .refuses([ErrorCode::ConflictState])
}

type Caller = RequiresWithin<GroupUpdate>;

pub(super) async fn put_member(caller: Caller, path: PathIds<GroupId, UserId>, _: NoBody) -> Result<Answer, ApiError> {
    let (group, user) = path.found()?;
    put(&caller, group, Part::Member(user)).await
}

pub(super) async fn remove_member(caller: Caller, path: PathIds<GroupId, UserId>) -> Result<Answer, ApiError> {
    let (group, user) = path.found()?;
    remove(&caller, group, Part::Member(user)).await
}

pub(super) async fn put_role(caller: Caller, path: PathIds<GroupId, RoleId>, _: NoBody) -> Result<Answer, ApiError> {
    let (group, role) = path.found()?;
    put(&caller, group, Part::Role(role)).await
}

pub(super) async fn remove_role(caller: Caller, path: PathIds<GroupId, RoleId>) -> Result<Answer, ApiError> {
    let (group, role) = path.found()?;
    remove(&caller, group, Part::Role(role)).await
}

pub(super) async fn put_permission(
    caller: Caller,
    path: PathIds<GroupId, PermissionId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (group, permission) = path.found()?;
    put(&caller, group, Part::Permission(permission)).await
}

pub(super) async fn remove_permission(
    caller: Caller,
    path: PathIds<GroupId, PermissionId>,
) -> Result<Answer, ApiError> {
    let (group, permission) = path.found()?;
    remove(&caller, group, Part::Permission(permission)).await
}

async fn put(caller: &Caller, group: GroupId, part: Part) -> Result<Answer, ApiError> {
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    let principals = caller.app().port::<dyn Principals>()?;
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition, principals) = (within.clone(), precondition.clone(), principals.clone());
            async move {
                precondition.check_unversioned()?;
                if let Part::Member(user) = part {
                    let known = principals.user_in(&uow, within.organization(), user).await?;
                    known.ok_or_else(ApiError::not_found)?;
                }
                let group = put_part(&within, &uow, &*judge, group, part).await?;
                Answer::ok(&GroupView::from(&group))
            }
        })
        .await
}

async fn remove(caller: &Caller, group: GroupId, part: Part) -> Result<Answer, ApiError> {
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                precondition.check_unversioned()?;
                remove_part(&within, &uow, &*judge, group, part).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
