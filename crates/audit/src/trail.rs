//! Security events that changed no row: failed logins, refused permissions.
//!
//! Whoever is attacked must not fill the disk with it. So of one kind of event (by one actor or address block, about one target) an
//! entry a minute is written: the first at once, and what came after it when its minute is over, with its number. What is waiting
//! is bounded; beyond that, events are counted together without telling who and about what.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use contracts::audit::{SecurityEvent, SecurityTrail};
use db::{Db, DbError, Note, Origin, UnitContext};
use kernel::{Actor, ActorKind, Generators, OrganizationId, Timestamp, address_block};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// For how long events of one kind are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// How many kinds are told apart at a time.
const KINDS: usize = 10_000;
/// How often it is looked whether a minute is over.
const TICK: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Actor(ActorKind, Uuid),
    Block(IpAddr),
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    organization: OrganizationId,
    who: Who,
    action: &'static str,
    target: Option<(&'static str, Uuid)>,
}

struct Window {
    began: Timestamp,
    /// What came after the first: the earliest of it, and how many.
    rest: Option<Counted>,
}

#[derive(Clone)]
struct Counted {
    event: SecurityEvent,
    at: Timestamp,
    count: i64,
}

#[derive(Default)]
struct State {
    windows: HashMap<Kind, Window>,
    ready: VecDeque<Counted>,
    is_writing: bool,
}

/// Takes down security events, and writes them beside the requests.
#[derive(Clone)]
pub(crate) struct Trail(Arc<Inner>);

struct Inner {
    db: Db,
    generators: Generators,
    state: Mutex<State>,
}

impl Trail {
    pub(crate) fn new(db: Db, generators: Generators) -> Self {
        Self(Arc::new(Inner {
            db,
            generators,
            state: Mutex::default(),
        }))
    }

    /// Writes what is counted when its minute is over, until told to stop; then everything that is left.
    pub(crate) async fn work(self, stop: CancellationToken) {
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(TICK) => false,
            };
            self.close_windows(stopping);
            self.write_ready().await;
            if stopping {
                return;
            }
        }
    }

    /// Moves what was counted in windows that are over to what is written. `all` also those that are not.
    pub(crate) fn close_windows(&self, all: bool) {
        let now = self.0.generators.now();
        let state = &mut *self.0.state.lock();
        let ready = &mut state.ready;
        state.windows.retain(|_, window| {
            if !all && now.since(window.began) < WINDOW {
                return true;
            }
            match window.rest.take() {
                None => false,
                Some(rest) => {
                    ready.push_back(rest);
                    window.began = now;
                    true
                }
            }
        });
    }

    /// Writes what is ready, one entry after the other.
    pub(crate) async fn write_ready(&self) {
        loop {
            let next = {
                let mut state = self.0.state.lock();
                let next = state.ready.pop_front();
                if next.is_none() {
                    state.is_writing = false;
                }
                next
            };
            let Some(counted) = next else { return };
            if let Err(error) = self.write(&counted).await {
                tracing::error!(
                    organization = %counted.event.organization,
                    action = counted.event.action,
                    count = counted.count,
                    error = %error,
                    "a security event could not be written to the trail"
                );
            }
        }
    }

    async fn write(&self, counted: &Counted) -> Result<(), DbError> {
        let Counted { event, at, count } = counted.clone();
        let actor = event.actor.clone().unwrap_or_else(|| Actor::system("unknown"));
        let context = UnitContext::tenant(actor, event.organization).from_origin(Origin {
            request_id: event.request_id.clone(),
            ip: event.ip,
            user_agent: event.user_agent.clone(),
        });
        self.0
            .db
            .write(context, move |uow| {
                let event = event.clone();
                async move {
                    let note = Note {
                        at,
                        action: event.action,
                        target_kind: event.target_kind,
                        target_id: event.target_id,
                        count,
                    };
                    uow.note(event.organization, &note).await
                }
            })
            .await
    }

    /// Counts the event; whether somebody has to begin to write.
    fn take(&self, event: SecurityEvent) -> bool {
        let now = self.0.generators.now();
        let state = &mut *self.0.state.lock();
        let mut kind = Kind {
            organization: event.organization,
            who: who(&event),
            action: event.action,
            target: Some((event.target_kind, event.target_id)),
        };
        if state.windows.len() >= KINDS && !state.windows.contains_key(&kind) {
            kind.who = Who::Unknown;
            kind.target = None;
        }
        if let Some(window) = state.windows.get_mut(&kind) {
            match &mut window.rest {
                Some(rest) => rest.count += 1,
                None => {
                    window.rest = Some(Counted {
                        event,
                        at: now,
                        count: 1,
                    });
                }
            }
            return false;
        }
        state.windows.insert(kind, Window { began: now, rest: None });
        state.ready.push_back(Counted {
            event,
            at: now,
            count: 1,
        });
        !std::mem::replace(&mut state.is_writing, true)
    }
}

impl SecurityTrail for Trail {
    fn note(&self, event: SecurityEvent) {
        if self.take(event) {
            let trail = self.clone();
            tokio::spawn(async move { trail.write_ready().await });
        }
    }
}

fn who(event: &SecurityEvent) -> Who {
    match (&event.actor, event.ip) {
        (Some(actor), _) => Who::Actor(actor.kind, actor.id),
        (None, Some(ip)) => Who::Block(address_block(ip)),
        (None, None) => Who::Unknown,
    }
}
