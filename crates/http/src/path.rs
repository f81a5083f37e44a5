//! Ids in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use kernel::Id;

use crate::error::ApiError;

/// The one id in a path.
///
/// A malformed id is answered like the id of nothing: 404. It is not refused when the path is read but by
/// [`found`](Self::found), because the body comes first: a request that has both problems hears of its body.
#[derive(Clone, Copy, Debug)]
pub struct PathId<I>(Option<I>);

impl<I: Id> PathId<I> {
    /// The id.
    ///
    /// # Errors
    /// `NOT_FOUND` when the path holds no id.
    pub fn found(&self) -> Result<I, ApiError> {
        self.0.ok_or_else(ApiError::not_found)
    }
}

/// The two ids in a path, such as `/roles/{id}/permissions/{permissionId}`.
#[derive(Clone, Copy, Debug)]
pub struct PathIds<A, B>(Option<(A, B)>);

impl<A: Id, B: Id> PathIds<A, B> {
    /// The ids, in the order of the path.
    ///
    /// # Errors
    /// `NOT_FOUND` when the path does not hold two ids.
    pub fn found(&self) -> Result<(A, B), ApiError> {
        self.0.ok_or_else(ApiError::not_found)
    }
}

/// The one text in a path, such as a slug.
#[derive(Clone, Debug)]
pub struct PathText(pub String);

impl<S: Send + Sync, I: Id> FromRequestParts<S> for PathId<I> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let texts = texts(parts, state).await;
        Ok(Self(match texts.as_deref() {
            Some([id]) => id.parse().ok(),
            _ => None,
        }))
    }
}

impl<S: Send + Sync, A: Id, B: Id> FromRequestParts<S> for PathIds<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let texts = texts(parts, state).await;
        Ok(Self(match texts.as_deref() {
            Some([first, second]) => first.parse().ok().zip(second.parse().ok()),
            _ => None,
        }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match texts(parts, state).await.map(|texts| texts.into_iter().next()) {
            Some(Some(text)) if !text.contains('\0') => Ok(Self(text)),
            _ => Err(ApiError::not_found()),
        }
    }
}

/// The parameters of the path, decoded; nothing when they are not UTF-8.
async fn texts<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<Vec<String>> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok()?;
    Some(parameters.iter().map(|(_, text)| text.to_owned()).collect())
}
