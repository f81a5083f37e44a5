//! A process of a test: its output is collected while it runs, and it does not outlive its test.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::time::eventually;

/// A running process.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it, with nothing to read from.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (tell, lines) = mpsc::channel();
        let said = Arc::<Mutex<String>>::default();
        let keep = Arc::clone(&said);
        let readers = vec![
            each_line(child.stdout.take().expect("its output"), move |line| {
                // Nobody may be listening any more.
                let _ = tell.send(line.to_owned());
            }),
            each_line(child.stderr.take().expect("its errors"), move |line| {
                keep.lock().push_str(line);
            }),
        ];
        Self {
            child,
            lines,
            said,
            readers,
        }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The next line of its output, with its line break; `None` when it has ended or takes too long.
    pub(crate) fn line(&self, within: Duration) -> Option<String> {
        self.lines.recv_timeout(within).ok()
    }

    /// What it has written to standard error.
    pub(crate) fn errors(&self) -> String {
        self.said.lock().clone()
    }

    /// What it will have written to standard error by the time that is asked for.
    pub(crate) fn said_later(&self) -> impl Fn() -> String + use<> {
        let said = Arc::clone(&self.said);
        move || said.lock().clone()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.pid()])
            .status()
            .expect("kill runs");
        assert!(status.success(), "no process to send SIG{name} to");
    }

    /// Ends it as the kernel does when memory is short: without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(&mut self, within: Duration) -> ExitStatus {
        eventually("the end of the process", within, || {
            self.child.try_wait().expect("its state")
        })
    }

    /// The rest of its output, after its end.
    pub(crate) fn remaining_output(&mut self) -> String {
        for reader in self.readers.drain(..) {
            reader.join().expect("all that was written");
        }
        self.lines.iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn each_line(source: impl Read + Send + 'static, mut take: impl FnMut(&str) + Send + 'static) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            take(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
