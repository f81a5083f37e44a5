//! Pooled connections: units of work, and reads outside the point lane.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, Timeouts};

use super::connect::Connector;
use super::connection::Connection;
use crate::error::DbError;

/// Opens connections for the pool, and keeps out those that are no longer usable.
pub(crate) struct Opener(Connector);

impl Manager for Opener {
    type Type = Connection;
    type Error = DbError;

    async fn create(&self) -> Result<Connection, DbError> {
        Connection::open(&self.0).await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<DbError> {
        // No round trip: a connection that died since shows at its first statement.
        if connection.is_usable() {
            Ok(())
        } else {
            Err(RecycleError::message("closed or given up"))
        }
    }
}

/// A connection taken from the pool; it goes back when dropped.
pub(crate) type Pooled = Object<Opener>;

/// A bounded pool of connections.
pub(crate) struct Connections(Pool<Opener>);

impl Connections {
    pub(crate) fn new(connector: Connector, size: usize, wait: Duration) -> Result<Self, DbError> {
        let timeouts = Timeouts {
            wait: Some(wait),
            create: Some(wait),
            recycle: Some(wait),
        };
        Pool::builder(Opener(connector))
            .max_size(size.max(1))
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map(Self)
            .map_err(|error| DbError::Internal(error.to_string()))
    }

    pub(crate) async fn take(&self) -> Result<Pooled, DbError> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(deadpool::managed::TimeoutType::Wait) => DbError::Busy {
                what: "pooled connections",
                retry_after: Duration::from_secs(1),
            },
            PoolError::Timeout(_) => DbError::Unavailable("connecting took too long".into()),
            other => DbError::Unavailable(other.to_string()),
        })
    }

    /// Connections in use, and callers that wait for one.
    pub(crate) fn usage(&self) -> (usize, usize) {
        let status = self.0.status();
        (status.size.saturating_sub(status.available), status.waiting)
    }
}
