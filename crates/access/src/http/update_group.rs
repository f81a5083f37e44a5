//! `PATCH /groups/{id}`

use http::{Answer, ApiError, Body, Doc, PathId, RequiresWithin};
use serde_json::json;

use crate::app::update_group;
use crate::domain::{Changes, Description, GroupId, Name};
use crate::manifest::GroupUpdate;
use crate::view::GroupView;

http::input! {
    /// What to change about a group; what is absent stays.
    pub(crate) struct UpdateGroup {
        /// What people call it.
        name: Keep<Name>,
        /// What it is for; `null` removes it.
        description: Patch<Description>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateGroup", "Change a group")
        .describe("The code of a group never changes.")
        .takes::<UpdateGroup>(json!({ "name": "Back office, São Paulo" }))
        .answers::<GroupView>("The group as it is now", super::example::group())
}

pub(super) async fn handle(
    caller: RequiresWithin<GroupUpdate>,
    path: PathId<GroupId>,
    Body(input): Body<UpdateGroup>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    let changes = Changes {
        name: input.name.into_option(),
        description: input.description.into_change(),
    };
    caller
        .write(move |uow| {
            let (within, precondition, changes) = (within.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |current: &_| precondition.check(&GroupView::from(current)).is_ok();
                let changed = update_group(&within, &uow, id, is_current, changes).await?;
                Answer::ok(&GroupView::from(&changed))
            }
        })
        .await
}
