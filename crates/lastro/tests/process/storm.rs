//! Several clients that create organizations as fast as they are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::client::Client;
use crate::installation::Server;
use crate::time::{SOON, eventually};

/// How many clients there are.
pub(crate) const CLIENTS: usize = 6;

/// Clients at work. Each slug is also the idempotency key it is asked for with.
pub(crate) struct Storm {
    clients: Vec<JoinHandle<Outcome>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

/// What the clients know at their end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Answered 201: slugs with the ids that were told.
    pub(crate) acknowledged: BTreeMap<String, String>,
    /// Answered 503, with when to come back.
    pub(crate) unavailable: BTreeSet<String>,
    /// Not answered: the connection broke, which ends a client.
    pub(crate) unanswered: BTreeSet<String>,
}

impl Storm {
    /// Lets the clients begin; `name` begins their slugs.
    pub(crate) fn begin(server: &Server, name: &str) -> Self {
        Self::of(|| server.operator(), name)
    }

    /// Lets these clients begin; `name` begins their slugs.
    pub(crate) fn of(client: impl Fn() -> Client, name: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let clients = (0..CLIENTS)
            .map(|number| {
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                let client = client();
                let name = format!("{name}-{number}");
                thread::spawn(move || work(client, &name, &stop, &acknowledged))
            })
            .collect();
        Self {
            clients,
            stop,
            acknowledged,
        }
    }

    /// How many organizations were acknowledged up to now.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many more have been acknowledged.
    #[track_caller]
    pub(crate) fn wait_for(&self, more: usize) {
        let goal = self.acknowledged() + more;
        eventually("acknowledged creations", SOON, || {
            (self.acknowledged() >= goal).then_some(())
        });
    }

    /// Lets each client finish its request.
    pub(crate) fn end(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        self.cut_off()
    }

    /// Waits for clients whose server is gone: each ends with the request that is not answered.
    pub(crate) fn cut_off(self) -> Outcome {
        self.clients.into_iter().map(|client| client.join().unwrap()).sum()
    }
}

impl Sum for Outcome {
    fn sum<I: Iterator<Item = Self>>(outcomes: I) -> Self {
        let mut sum = Self::default();
        for outcome in outcomes {
            sum.acknowledged.extend(outcome.acknowledged);
            sum.unavailable.extend(outcome.unavailable);
            sum.unanswered.extend(outcome.unanswered);
        }
        sum
    }
}

impl Outcome {
    /// Asserts that every request was answered, and none refused.
    #[track_caller]
    pub(crate) fn assert_undisturbed(&self) {
        let Self {
            unavailable,
            unanswered,
            ..
        } = self;
        assert!(
            unavailable.is_empty() && unanswered.is_empty(),
            "refused {unavailable:?}, not answered {unanswered:?}"
        );
    }

    /// Asks again for what was refused, under the same keys; then it is acknowledged too.
    #[track_caller]
    pub(crate) fn repeat_refused(&mut self, client: &mut Client) {
        for slug in std::mem::take(&mut self.unavailable) {
            let made = client.create_again(&slug).assert_status(201);
            self.acknowledged.insert(slug, made.id());
        }
    }
}

fn work(mut client: Client, name: &str, stop: &AtomicBool, acknowledged: &AtomicUsize) -> Outcome {
    let mut outcome = Outcome::default();
    for number in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let slug = format!("{name}-{number}");
        let Ok(answer) = client.try_create(&slug) else {
            outcome.unanswered.insert(slug);
            break;
        };
        // Whoever asked on would ask whatever server has the port next.
        let is_last = answer.header("connection") == Some("close");
        if answer.status == 503 {
            answer.assert_unavailable();
            outcome.unavailable.insert(slug);
            thread::sleep(Duration::from_millis(20));
        } else {
            let id = answer.assert_status(201).id();
            outcome.acknowledged.insert(slug, id);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        if is_last {
            break;
        }
    }
    outcome
}
