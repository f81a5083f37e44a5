//! The threads that hash and sign, so that no other request waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use kernel::Clock;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::Scratch;

/// What kind of work: each has threads and a queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Signatures: under a millisecond, as urgent as whatever serves.
    Signing,
    /// Password hashes: tens of milliseconds and of megabytes. They take what the others leave of the processors, so that a storm
    /// of logins delays nobody else.
    Hashing,
}

/// How much a pool does at once, and how much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// Threads of each lane: so many hashes at once, each with memory of its own, and as many signatures.
    pub threads: usize,
    /// Hashes that may wait.
    pub waiting_hashes: usize,
    /// Signatures that may wait.
    pub waiting_signatures: usize,
}

impl PoolConfig {
    /// A thread a core; as many hashes waiting as `threads` do in about two seconds, after which a person has pressed the
    /// button again; signatures in plenty.
    #[must_use]
    pub fn for_cores(cores: usize) -> Self {
        let threads = cores.max(1);
        Self {
            threads,
            waiting_hashes: threads * 128,
            waiting_signatures: threads * 2_048,
        }
    }
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// Too much is waiting. The client may try again after so long.
    #[error("too much is waiting")]
    Busy {
        /// How long what waits will take, in whole seconds from 1 to 30.
        retry_after: Duration,
    },
    /// The work panicked, or the pool is gone.
    #[error("the work was not finished")]
    Failed,
}

type Work = Box<dyn FnOnce(&mut Scratch) + Send>;

#[derive(Default)]
struct Queue {
    works: VecDeque<Work>,
    /// What a work took lately, a moving average.
    time: Duration,
    is_closed: bool,
}

/// What the threads of one lane share.
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    clock: Arc<dyn Clock>,
    threads: usize,
    /// Works that may wait.
    limit: usize,
}

/// A fixed number of threads with bounded queues. Memory is bounded with them: a hash at a time on each thread.
///
/// Work whose caller has gone away is skipped when its turn comes. When the pool is dropped its threads end after what they
/// are at.
pub struct Pool {
    signing: Arc<Shared>,
    hashing: Arc<Shared>,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system's, when it starts no more threads.
    pub fn start(config: PoolConfig, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let threads = config.threads.max(1);
        let pool = Self {
            signing: Shared::new(threads, config.waiting_signatures, Arc::clone(&clock)),
            hashing: Shared::new(threads, config.waiting_hashes, clock),
        };
        pool.signing.start("sign", || ())?;
        pool.hashing.start("hash", yield_to_others)?;
        Ok(pool)
    }

    const fn lane(&self, lane: Lane) -> &Arc<Shared> {
        match lane {
            Lane::Signing => &self.signing,
            Lane::Hashing => &self.hashing,
        }
    }

    /// Does `work` on one of the threads. The memory it is handed is kept for the next one.
    ///
    /// # Errors
    /// [`PoolError::Busy`] at once when the lane's queue is full; [`PoolError::Failed`] when `work` panicked.
    pub async fn run<T, F>(&self, lane: Lane, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Scratch) -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |scratch| {
            if !answer.is_closed() {
                // Whoever asked may go away meanwhile; then nobody is told.
                drop(answer.send(work(scratch)));
            }
        });
        self.lane(lane).submit(work)?;
        answered.await.map_err(|_| PoolError::Failed)
    }

    /// How much is waiting in a lane, for the metrics.
    #[must_use]
    pub fn waiting(&self, lane: Lane) -> usize {
        self.lane(lane).queue.lock().works.len()
    }
}

/// How much later than the threads that serve the calling thread gets the processor when both want it, as nice values go.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

/// Lets the calling thread take what the threads that serve leave: a hash takes a processor for tens of milliseconds, and on one
/// of few that is as long as all others would wait.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    // On Linux this is the thread's own priority, against POSIX. Whoever may start a thread may make it wait; where a sandbox
    // forbids it, hashes are as urgent as before.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "hashing threads keep their priority");
    }
}

/// Elsewhere a priority belongs to the process.
#[cfg(not(target_os = "linux"))]
const fn yield_to_others() {}

impl Shared {
    fn new(threads: usize, limit: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            clock,
            threads,
            limit,
        })
    }

    /// Starts the threads, each with `prepare`.
    fn start(self: &Arc<Self>, name: &str, prepare: fn()) -> std::io::Result<()> {
        for number in 0..self.threads {
            let shared = Arc::clone(self);
            let thread = std::thread::Builder::new().name(format!("{name}-{number}"));
            thread.spawn(move || {
                prepare();
                shared.work();
            })?;
        }
        Ok(())
    }

    fn submit(&self, work: Work) -> Result<(), PoolError> {
        let mut queue = self.queue.lock();
        let waiting = queue.works.len();
        if waiting >= self.limit {
            let threads = u32::try_from(self.threads).unwrap_or(u32::MAX);
            let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
            let seconds = (queue.time.saturating_mul(waiting) / threads).as_secs() + 1;
            return Err(PoolError::Busy {
                retry_after: Duration::from_secs(seconds.min(30)),
            });
        }
        queue.works.push_back(work);
        drop(queue);
        self.arrived.notify_one();
        Ok(())
    }

    /// What each thread does.
    fn work(&self) {
        let mut scratch = Scratch::default();
        while let Some(work) = self.wait(&mut scratch) {
            let start = self.clock.monotonic();
            // A panic ends the work, not the thread: its caller is told, because the sender inside is dropped. The memory
            // is only ever written before it is read.
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut scratch)));
            if outcome.is_ok() {
                let took = self.clock.monotonic().saturating_sub(start);
                let mut queue = self.queue.lock();
                queue.time = (queue.time * 7 + took) / 8;
            }
        }
    }

    /// The next work; `None` when the pool is gone. Before a thread sleeps it gives its memory back.
    fn wait(&self, scratch: &mut Scratch) -> Option<Work> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(next) = queue.works.pop_front() {
                return Some(next);
            }
            scratch.release();
            self.arrived.wait(&mut queue);
        }
    }

    /// Ends the threads after what they are at; those whose work waits are told.
    fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        queue.works.clear();
        drop(queue);
        self.arrived.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.signing.close();
        self.hashing.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.hashing.threads)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use kernel::SystemClock;

    use super::*;

    fn pool(threads: usize, waiting: usize) -> Arc<Pool> {
        let config = PoolConfig {
            threads,
            waiting_hashes: waiting,
            waiting_signatures: waiting,
        };
        Arc::new(Pool::start(config, Arc::new(SystemClock::new())).unwrap())
    }

    /// Occupies one thread until the sender is dropped; returns when it is occupied.
    async fn occupy(pool: &Arc<Pool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), PoolError>>) {
        let (release, released) = mpsc::channel::<()>();
        let (begun, began) = oneshot::channel();
        let pool = Arc::clone(pool);
        let work = move |_: &mut Scratch| {
            begun.send(()).unwrap();
            let _ = released.recv();
        };
        let task = tokio::spawn(async move { pool.run(Lane::Hashing, work).await });
        began.await.unwrap();
        (release, task)
    }

    /// Submits work and waits until it is in the queue.
    async fn queue(
        pool: &Arc<Pool>,
        lane: Lane,
        work: impl FnOnce() + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<(), PoolError>> {
        let before = pool.waiting(lane);
        let task = {
            let pool = Arc::clone(pool);
            tokio::spawn(async move { pool.run(lane, move |_| work()).await })
        };
        while pool.waiting(lane) == before {
            tokio::task::yield_now().await;
        }
        task
    }

    #[tokio::test]
    async fn work_is_done_and_answered() {
        let pool = pool(2, 8);
        assert_eq!(pool.run(Lane::Hashing, |_| 6 * 7).await, Ok(42));
        assert_eq!(pool.run(Lane::Signing, |_| "signed").await, Ok("signed"));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_at_once_and_the_other_lane_is_not() {
        let pool = pool(1, 2);
        let (release, occupied) = occupy(&pool).await;
        let first = queue(&pool, Lane::Hashing, || ()).await;
        let second = queue(&pool, Lane::Hashing, || ()).await;
        let refused = pool.run(Lane::Hashing, |_| ()).await;
        assert!(matches!(refused, Err(PoolError::Busy { retry_after }) if (1..=30).contains(&retry_after.as_secs())));
        assert_eq!(pool.run(Lane::Signing, |_| "signed").await, Ok("signed"));
        drop(release);
        for task in [occupied, first, second] {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
        assert_eq!(pool.run(Lane::Hashing, |_| 1).await, Ok(1), "there is room again");
    }

    #[tokio::test]
    async fn a_signature_does_not_wait_for_hashes() {
        let pool = pool(1, 8);
        let (release, occupied) = occupy(&pool).await;
        let waiting = queue(&pool, Lane::Hashing, || ()).await;
        for _ in 0..3 {
            assert_eq!(pool.run(Lane::Signing, |_| 1).await, Ok(1));
        }
        assert_eq!(pool.waiting(Lane::Hashing), 1);
        drop(release);
        for task in [occupied, waiting] {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_skipped() {
        let pool = pool(1, 8);
        let (release, occupied) = occupy(&pool).await;
        let done = Arc::new(AtomicUsize::new(0));
        let count = || {
            let done = Arc::clone(&done);
            move || {
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        let abandoned = queue(&pool, Lane::Hashing, count()).await;
        let awaited = queue(&pool, Lane::Hashing, count()).await;
        abandoned.abort();
        assert!(abandoned.await.unwrap_err().is_cancelled());
        drop(release);
        occupied.await.unwrap().unwrap();
        awaited.await.unwrap().unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_the_thread_goes_on() {
        let pool = pool(1, 8);
        let failed = pool
            .run(Lane::Hashing, |_| assert_eq!(1, 2, "this panic belongs to the test"))
            .await;
        assert_eq!(failed, Err(PoolError::Failed));
        assert_eq!(pool.run(Lane::Hashing, |_| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn who_waits_when_the_pool_goes_is_told() {
        let pool = pool(1, 8);
        let (release, released) = mpsc::channel::<()>();
        let (begun, began) = oneshot::channel();
        pool.hashing
            .submit(Box::new(move |_| {
                begun.send(()).unwrap();
                let _ = released.recv();
            }))
            .unwrap();
        began.await.unwrap();
        let (answer, answered) = oneshot::channel::<()>();
        pool.hashing.submit(Box::new(move |_| drop(answer))).unwrap();
        drop(Arc::into_inner(pool).unwrap());
        assert!(answered.await.is_err());
        drop(release);
    }

    #[tokio::test]
    async fn a_sleeping_thread_holds_no_memory_and_no_more_run_than_threads() {
        let pool = pool(2, 64);
        let running = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (pool, running) = (Arc::clone(&pool), Arc::clone(&running));
                tokio::spawn(async move {
                    pool.run(Lane::Hashing, move |_| {
                        let at_once = running.fetch_add(1, Ordering::SeqCst) + 1;
                        std::thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                        at_once
                    })
                    .await
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap().unwrap() <= 2);
        }
        let mut scratch = Scratch::default();
        let empty = format!("{scratch:?}");
        pool.hashing.queue.lock().is_closed = true;
        assert!(pool.hashing.wait(&mut scratch).is_none());
        assert_eq!(format!("{scratch:?}"), empty);
    }

    #[test]
    fn there_is_always_a_thread_and_room() {
        for cores in [0, 1, 64] {
            let config = PoolConfig::for_cores(cores);
            assert!(config.threads >= 1 && config.waiting_hashes >= config.threads);
            assert!(config.waiting_signatures > config.waiting_hashes);
        }
    }
}
