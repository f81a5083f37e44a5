//! Progress of long work, on a terminal and nowhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `total` steps; it draws only when standard error is a terminal.
pub(super) fn bar(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_message(what);
    match ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {elapsed}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // The default style shows the same numbers.
        Err(_) => bar,
    }
}

/// For work whose end is not known.
pub(super) fn spinner(what: &'static str) -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(what)
}
