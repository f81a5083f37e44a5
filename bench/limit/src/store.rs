//! What the routes ask of either engine.

use std::future::Future;

use axum::body::Bytes;
use futures_util::future::try_join;
use lastro_bench_limit::Failure;
use lastro_bench_limit::organization::{NewOrganization, Organization};
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
        let rows = self.list(limit, |row| list.push(&Organization::from_postgres(row)?));
        let ((), total) = try_join(rows, self.total()).await?;
        list.finish(limit, total)
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
        self.list(limit, |row| list.push(&Organization::from_sqlite(row)?))?;
        list.finish(limit, self.total()?)
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
struct List(Vec<u8>);

impl List {
    fn new(rows: u32) -> Self {
        let mut body = Vec::with_capacity(usize::try_from(rows).unwrap_or(0) * 320 + 96);
        body.extend_from_slice(br#"{"data":["#);
        Self(body)
    }

    fn push(&mut self, organization: &Organization<'_>) -> Result<(), Failure> {
        if self.0.last() != Some(&b'[') {
            self.0.push(b',');
        }
        Ok(serde_json::to_writer(&mut self.0, organization)?)
    }

    fn finish(mut self, limit: u32, total: i64) -> Result<Bytes, Failure> {
        #[derive(Serialize)]
        struct Meta {
            page: u32,
            limit: u32,
            total: i64,
        }
        self.0.extend_from_slice(br#"],"meta":"#);
        serde_json::to_writer(&mut self.0, &Meta { page: 1, limit, total })?;
        self.0.push(b'}');
        Ok(self.0.into())
    }
}
