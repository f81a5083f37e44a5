//! `POST /groups`

use http::{Answer, ApiError, Body, Doc, ErrorCode, RequiresWithin};
use serde_json::json;

use crate::app::create_group;
use crate::domain::{Code, Description, Name};
use crate::manifest::GroupCreate;
use crate::view::GroupView;

http::input! {
    /// What it takes to make a group.
    pub(crate) struct CreateGroup {
        /// What people call it.
        name: Name,
        /// Its code, unique in the organization; it never changes. Without one it is made of the name.
        code: Option<Code>,
        /// What it is for.
        description: Option<Description>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createGroup", "Create a group")
        .describe("A new group has no members and grants nothing.")
        .takes::<CreateGroup>(json!({ "name": "Back office", "code": "BACK_OFFICE" }))
        .creates::<GroupView>("The group", super::example::group())
        .refuses([ErrorCode::ConflictDuplicate])
}

pub(super) async fn handle(
    caller: RequiresWithin<GroupCreate>,
    Body(input): Body<CreateGroup>,
) -> Result<Answer, ApiError> {
    let within = caller.within().clone();
    caller
        .write(move |uow| {
            let (within, input) = (within.clone(), input.clone());
            async move {
                let made = create_group(&within, &uow, input.code, input.name, input.description).await?;
                let made = GroupView::from(&made);
                Answer::created(&format!("/groups/{}", made.id), &made)
            }
        })
        .await
}
