//! Where log lines go: a buffer, and one thread that writes it out.
//!
//! A request never waits for standard error. Lines are gathered for a moment, so that a busy server makes a hundred writes a
//! second and not one a request. When the reader of standard error stops reading, lines are dropped and counted: the server's
//! work goes on, and the log says how much it lacks.

use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long lines are gathered.
const PAUSE: Duration = Duration::from_millis(10);
/// How many bytes may wait.
const CAPACITY: usize = 8 * 1024 * 1024;
/// The buffer that is kept between writes.
const KEPT: usize = 256 * 1024;

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    dropped: u64,
    is_writing: bool,
    hurry: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

/// A buffered, never-blocking writer of lines.
pub(super) struct Sink {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Sink {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(output: Box<dyn Write + Send>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("lastro-log".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_out(output)
        })?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Takes one line, its end included.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.shared.state.lock();
        if state.lines.len() + line.len() > CAPACITY {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line.as_bytes());
        drop(state);
        if was_empty {
            self.shared.filled.notify_one();
        }
    }

    /// Waits until everything that was pushed before is written, but not longer than `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let mut state = self.shared.state.lock();
        state.hurry = true;
        self.shared.filled.notify_one();
        let _timed_out = self.shared.drained.wait_while_for(
            &mut state,
            |state| !state.lines.is_empty() || state.is_writing,
            patience,
        );
        state.hurry = false;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // Its only way to fail is a panic of the writer, which has been reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn write_out(&self, mut output: Box<dyn Write + Send>) {
        let mut batch = Vec::new();
        loop {
            let dropped = {
                let mut state = self.state.lock();
                state.is_writing = false;
                if state.lines.is_empty() {
                    self.drained.notify_all();
                    self.filled
                        .wait_while(&mut state, |state| state.lines.is_empty() && !state.closed);
                }
                if state.lines.is_empty() && state.dropped == 0 {
                    return;
                }
                if !state.hurry && !state.closed {
                    let _ = self
                        .filled
                        .wait_while_for(&mut state, |state| !state.hurry && !state.closed, PAUSE);
                }
                std::mem::swap(&mut batch, &mut state.lines);
                state.is_writing = true;
                std::mem::take(&mut state.dropped)
            };
            // When standard error is gone, there is nowhere left to say so.
            let _ = output.write_all(&batch);
            if dropped > 0 {
                let _ = writeln!(
                    output,
                    "{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"dropped\":{dropped}}}"
                );
            }
            let _ = output.flush();
            batch.clear();
            batch.shrink_to(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Hands every write over, and writes nothing while the gate is held.
    struct Gate {
        open: Arc<Mutex<()>>,
        written: mpsc::Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            drop(self.open.lock());
            self.written
                .send(String::from_utf8_lossy(bytes).into_owned())
                .expect("the test is listening");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn sink() -> (Sink, Arc<Mutex<()>>, mpsc::Receiver<String>) {
        let open = Arc::new(Mutex::new(()));
        let (written, lines) = mpsc::channel();
        let sink = Sink::start(Box::new(Gate {
            open: Arc::clone(&open),
            written,
        }))
        .unwrap();
        (sink, open, lines)
    }

    #[test]
    fn lines_arrive_in_order_and_flush_waits_for_them() {
        let (sink, _, lines) = sink();
        for number in 0..100 {
            sink.push(&format!("line {number}\n"));
        }
        sink.flush(Duration::from_secs(10));
        let text: String = lines.try_iter().collect();
        let expected: String = (0..100).map(|number| format!("line {number}\n")).collect();
        assert_eq!(text, expected);
    }

    #[test]
    fn the_end_of_the_sink_loses_nothing() {
        let (sink, _, lines) = sink();
        sink.push("last words\n");
        drop(sink);
        assert_eq!(lines.try_iter().collect::<String>(), "last words\n");
    }

    #[test]
    fn a_reader_that_stops_reading_costs_lines_but_blocks_nobody() {
        let (sink, open, lines) = sink();
        let gate = open.lock();
        let line = "x".repeat(1024 * 1024);
        for _ in 0..32 {
            sink.push(&line);
        }
        sink.flush(Duration::from_millis(1));
        drop(gate);
        drop(sink);
        let text: String = lines.iter().collect();
        assert!(text.contains("log lines were dropped"), "{} bytes", text.len());
        assert!(text.len() < 20 * line.len(), "{} bytes", text.len());
    }
}
