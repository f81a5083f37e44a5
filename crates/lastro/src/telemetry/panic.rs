//! A panic is an error like any other: logged, reported, and seen nowhere else.

use std::panic::PanicHookInfo;

/// From here on a panic is logged with its message and place, inside the span in which it happened, in place of the text that
/// Rust prints, which no one redacts.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(
        place,
        thread = thread.name().unwrap_or("unnamed"),
        panic = message,
        "a panic, which is a defect of this program"
    );
}
