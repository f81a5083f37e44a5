//! Somebody who asks the same again and again, and writes down when and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::Client;
use crate::time::Stopwatch;

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// When it was sent.
    pub(crate) sent: Duration,
    /// What was answered; `None` when the connection broke.
    pub(crate) status: Option<u16>,
    /// The code of a refusal.
    pub(crate) code: String,
}

/// Somebody who asks.
pub(crate) struct Watch {
    asking: Option<JoinHandle<()>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

impl Watch {
    /// Lets `client` ask for `path` until this is dropped; `time` says when.
    pub(crate) fn begin(mut client: Client, path: &str, time: &Arc<Stopwatch>) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let is_over = Arc::<AtomicBool>::default();
        let (keep, ended) = (Arc::clone(&asked), Arc::clone(&is_over));
        let (head, time) = (format!("GET {path}"), Arc::clone(time));
        let asking = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let sent = time.elapsed();
                let answer = client.try_send(&head, &[], b"").ok();
                keep.lock().push(Asked {
                    sent,
                    status: answer.as_ref().map(|answer| answer.status),
                    code: answer.map(|answer| answer.code()).unwrap_or_default(),
                });
                thread::sleep(PAUSE);
            }
        });
        Self {
            asking: Some(asking),
            asked,
            is_over,
        }
    }

    /// All that was asked and answered up to now.
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    /// The last status, if anything was answered to what was sent since.
    pub(crate) fn status_since(&self, since: Duration) -> Option<u16> {
        let asked = self.asked.lock();
        asked.last().filter(|asked| asked.sent >= since)?.status
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(asking) = self.asking.take() {
            asking.join().ok();
        }
    }
}
