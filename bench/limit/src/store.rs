//! What the routes ask of either engine.

use std::future::Future;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastro_bench_limit::organization::{Json, NewOrganization, Organization, TOTAL};
use lastro_bench_limit::postgres::Postgres;
use lastro_bench_limit::role::NewRole;
use lastro_bench_limit::sqlite::Sqlite;
use lastro_bench_limit::user::{self, User};
use lastro_bench_limit::{Failure, PAGE};
use serde::Serialize;
use uuid::Uuid;

/// Both engines answer with the finished body: a row is rendered where it is borrowed from the driver, without a copy in between.
pub(crate) trait Store: Send + Sync + 'static {
    /// One organization by key.
    fn get(&self, id: Uuid) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;

    /// The first page of `limit` organizations, with the total.
    fn list(&self, limit: u32) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// One organization, its audit entry and its event in one transaction.
    fn create(&self, new: NewOrganization) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// One user of an organization by key.
    fn user(&self, organization: Uuid, id: Uuid) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;

    /// The first page of an organization's users, with the total.
    fn users(&self, organization: Uuid) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// One role with everything that goes with it in one transaction.
    fn create_role(&self, new: NewRole) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

impl Store for Postgres {
    async fn get(&self, id: Uuid) -> Result<Option<Bytes>, Failure> {
        match self.get(id).await? {
            Some(row) => Ok(Some(object(&Organization::from_postgres(&row)?)?)),
            None => Ok(None),
        }
    }

    async fn list(&self, limit: u32) -> Result<Bytes, Failure> {
        let mut list = List::new(limit);
        self.list(limit + 1, |row| {
            let organization = Organization::from_postgres(row)?;
            list.push(&organization, (organization.name, organization.id), || {
                Ok(row.try_get(TOTAL)?)
            })
        })
        .await?;
        list.finish()
    }

    async fn user(&self, organization: Uuid, id: Uuid) -> Result<Option<Bytes>, Failure> {
        match self.user(organization, id).await? {
            Some(row) => Ok(Some(object(&User::from_postgres(&row)?)?)),
            None => Ok(None),
        }
    }

    async fn users(&self, organization: Uuid) -> Result<Bytes, Failure> {
        let mut list = List::new(PAGE);
        self.users(organization, |row| {
            let user = User::from_postgres(row)?;
            list.push(&user, (user.name, user.id), || Ok(row.try_get(user::TOTAL)?))
        })
        .await?;
        list.finish()
    }

    async fn create_role(&self, new: NewRole) -> Result<Bytes, Failure> {
        self.create_role(&new).await?;
        Ok(created(&new.data))
    }

    async fn create(&self, new: NewOrganization) -> Result<Bytes, Failure> {
        self.create(&new).await?;
        Ok(created(&new.data))
    }
}

impl Store for Sqlite {
    async fn get(&self, id: Uuid) -> Result<Option<Bytes>, Failure> {
        self.get(id, |row| object(&Organization::from_sqlite(row)?))
    }

    async fn list(&self, limit: u32) -> Result<Bytes, Failure> {
        let mut list = List::new(limit);
        self.list(limit + 1, |row| {
            let organization = Organization::from_sqlite(row)?;
            list.push(&organization, (organization.name, organization.id), || {
                Ok(row.get(TOTAL)?)
            })
        })?;
        list.finish()
    }

    async fn user(&self, organization: Uuid, id: Uuid) -> Result<Option<Bytes>, Failure> {
        self.user(organization, id, |row| object(&User::from_sqlite(row)?))
    }

    async fn users(&self, organization: Uuid) -> Result<Bytes, Failure> {
        let mut list = List::new(PAGE);
        self.users(organization, |row| {
            let user = User::from_sqlite(row)?;
            list.push(&user, (user.name, user.id), || Ok(row.get(user::TOTAL)?))
        })?;
        list.finish()
    }

    async fn create_role(&self, new: NewRole) -> Result<Bytes, Failure> {
        Ok(created(&self.create_role(new).await?.data))
    }

    async fn create(&self, new: NewOrganization) -> Result<Bytes, Failure> {
        Ok(created(&self.create(new).await?.data))
    }
}

/// `{"data":{..}}`
fn object(shown: &impl Serialize) -> Result<Bytes, Failure> {
    let mut body = Vec::with_capacity(448);
    body.extend_from_slice(br#"{"data":"#);
    serde_json::to_writer(&mut body, shown)?;
    body.push(b'}');
    Ok(body.into())
}

/// The event's data is the object as the API shows it.
fn created(data: &Json) -> Bytes {
    Bytes::from([br#"{"data":"#, data.0.as_bytes(), b"}"].concat())
}

/// `{"data":[..],"meta":{..}}` under construction.
struct List {
    body: Vec<u8>,
    limit: u32,
    pushed: u32,
    total: i64,
    /// What the next page would begin after, once a row beyond this one was seen.
    cursor: Option<String>,
    last: Vec<u8>,
}

impl List {
    fn new(limit: u32) -> Self {
        let mut body = Vec::with_capacity(usize::try_from(limit).unwrap_or(0) * 400 + 160);
        body.extend_from_slice(br#"{"data":["#);
        Self {
            body,
            limit,
            pushed: 0,
            total: 0,
            cursor: None,
            last: Vec::new(),
        }
    }

    /// Takes the next row, with its place in the order; the one beyond the limit only tells that others follow.
    fn push(
        &mut self,
        shown: &impl Serialize,
        (name, id): (&str, Uuid),
        total: impl FnOnce() -> Result<i64, Failure>,
    ) -> Result<(), Failure> {
        if self.pushed == self.limit {
            self.cursor = Some(URL_SAFE_NO_PAD.encode(&self.last));
            return Ok(());
        }
        if self.pushed == 0 {
            self.total = total()?;
        } else {
            self.body.push(b',');
        }
        self.pushed += 1;
        serde_json::to_writer(&mut self.body, shown)?;
        if self.pushed == self.limit {
            // As long as a real cursor: its version and the list's fingerprint, name and id.
            self.last = [&[0; 13], name.as_bytes(), id.as_bytes()].concat();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Bytes, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Meta {
            page: u32,
            limit: u32,
            total: i64,
            next_cursor: Option<String>,
        }
        self.body.extend_from_slice(br#"],"meta":"#);
        let meta = Meta {
            page: 1,
            limit: self.limit,
            total: self.total,
            next_cursor: self.cursor,
        };
        serde_json::to_writer(&mut self.body, &meta)?;
        self.body.push(b'}');
        Ok(self.body.into())
    }
}
