//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside the connections of clients: those of the database, and what goes out.
const OTHERS: u64 = 256;

/// Raises the limit of open files as far as the system lets this process, which is what the lower of its two limits is for, and says
/// so in the log when it is still too low for that many connections.
pub(crate) fn provide_for(connections: usize) {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // None is no limit. A system that refuses leaves what was there.
    let allowed = match (current, setrlimit(Resource::Nofile, raised)) {
        (None, _) => None,
        (Some(_), Ok(())) => maximum,
        (Some(current), Err(_)) => Some(current),
    };
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            allowed,
            needed,
            "fewer files may be open than LASTRO_MAX_CONNECTIONS can need: raise the limit of the process (ulimit -n), or lower \
             LASTRO_MAX_CONNECTIONS"
        );
    }
}
