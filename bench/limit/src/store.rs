//! What the routes ask of either engine.

use std::future::Future;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastro_bench_limit::Failure;
use lastro_bench_limit::organization::{NewOrganization, Organization, TOTAL};
use lastro_bench_limit::postgres::Postgres;
use lastro_bench_limit::sqlite::Sqlite;
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
            list.push(&Organization::from_postgres(row)?, || Ok(row.try_get(TOTAL)?))
        })
        .await?;
        list.finish()
    }

    async fn create(&self, new: NewOrganization) -> Result<Bytes, Failure> {
        self.create(&new).await?;
        Ok(created(&new))
    }
}

impl Store for Sqlite {
    async fn get(&self, id: Uuid) -> Result<Option<Bytes>, Failure> {
        self.get(id, |row| object(&Organization::from_sqlite(row)?))
    }

    async fn list(&self, limit: u32) -> Result<Bytes, Failure> {
        let mut list = List::new(limit);
        self.list(limit + 1, |row| {
            list.push(&Organization::from_sqlite(row)?, || Ok(row.get(TOTAL)?))
        })?;
        list.finish()
    }

    async fn create(&self, new: NewOrganization) -> Result<Bytes, Failure> {
        Ok(created(&self.create(new).await?))
    }
}

/// `{"data":{..}}`
fn object(organization: &Organization<'_>) -> Result<Bytes, Failure> {
    let mut body = Vec::with_capacity(384);
    body.extend_from_slice(br#"{"data":"#);
    serde_json::to_writer(&mut body, organization)?;
    body.push(b'}');
    Ok(body.into())
}

/// The event's data is the organization as the API shows it.
fn created(new: &NewOrganization) -> Bytes {
    Bytes::from([br#"{"data":"#, new.data.0.as_bytes(), b"}"].concat())
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
        let mut body = Vec::with_capacity(usize::try_from(limit).unwrap_or(0) * 320 + 160);
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

    /// Takes the next row; the one beyond the limit only tells that others follow.
    fn push(
        &mut self,
        organization: &Organization<'_>,
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
        serde_json::to_writer(&mut self.body, organization)?;
        if self.pushed == self.limit {
            // As long as a real cursor: its version and the list's fingerprint, name and id.
            self.last = [&[0; 13], organization.name.as_bytes(), organization.id.as_bytes()].concat();
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
