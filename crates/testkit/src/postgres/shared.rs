//! The one private server that all test processes of a checkout share.
//!
//! The first process that needs it starts it, under the folder's lock, and leaves its address in the file `state`;
//! the others attach. Each user's heartbeat thread touches one file. A watchdog, a small shell loop outside the
//! process groups of the tests, stops the server and removes its files when that file has not been touched for a
//! minute: it needs nobody's goodbye, so it also works when the tests are killed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use super::cluster::{Account, Binaries, Cluster, Extra, Stop, run_as};
use super::psql::Psql;
use crate::harness::{Doing, Folder, HarnessError, nonce, write_private};

/// How often a user of the server says that it is alive; well below the watchdog's minute.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Arguments: heartbeat file, folder of the server, folder of the programs, state file or nothing.
///
/// The state file is moved aside before the last look at the heartbeat: whoever attaches touches the heartbeat
/// first and reads the state second, so either the watchdog sees the touch, or the newcomer finds no state and
/// starts a server of its own. `ln` does not overwrite the state that such a newcomer may have written meanwhile.
const WATCHDOG: &str = r#"
heartbeat=$1 folder=$2 programs=$3 state=$4
(
    alive() { [ -n "$(find "$heartbeat" -mmin -1 2>/dev/null)" ]; }
    while sleep 5 && [ -d "$folder" ]; do
        alive && continue
        [ -z "$state" ] && break
        mv "$state" "$folder/closing" 2>/dev/null || break
        if alive && ln "$folder/closing" "$state" 2>/dev/null; then
            rm "$folder/closing"
            continue
        fi
        break
    done
    "$programs/pg_ctl" stop --silent --mode immediate --pgdata "$folder/data"
    rm -rf "$folder"
) </dev/null >/dev/null 2>&1 &
"#;

/// Attaches to the shared server, starting it when it is not there.
pub(super) fn attach(binaries: Binaries) -> Result<Cluster, HarnessError> {
    let folder = Folder::open()?;
    let account = Account::choose()?;
    let home = home(folder, account)?;
    let _lock = folder.lock("postgres")?;
    start_heartbeat(folder)?;
    let state = home.join("state");
    if let Some(cluster) = read_state(&state, &binaries, account)
        && Psql::connect(&binaries.folder().join("psql"), &cluster.url()).is_ok()
    {
        return Ok(cluster);
    }
    remove_remains(&home, &binaries, account)?;
    let mut cluster = Cluster::prepare(binaries, account, home.join(format!("run-{}", nonce()?)))?;
    // Before there is anything to watch, so that a test killed during the start leaves nothing either.
    watch(folder, &cluster, Some(&state))?;
    cluster.fill(Extra::default())?;
    write_private(
        &state,
        &format!("{}\n{}\n{}\n", cluster.folder.display(), cluster.port, cluster.password),
    )?;
    if let Some(account) = account {
        // The watchdog, which is the account's, may link only what is its own.
        account.own(&state)?;
    }
    Ok(cluster)
}

/// Starts a server that belongs to one test alone.
pub(super) fn own(binaries: Binaries, extra: Extra<'_>) -> Result<Cluster, HarnessError> {
    let folder = Folder::open()?;
    let account = Account::choose()?;
    let home = home(folder, account)?;
    start_heartbeat(folder)?;
    let mut cluster = Cluster::prepare(binaries, account, home.join(format!("own-{}", nonce()?)))?;
    watch(folder, &cluster, None)?;
    cluster.fill(extra)?;
    Ok(cluster)
}

/// The folder of the servers, which belongs to the user they run as: the watchdog runs as that user too.
fn home(folder: &Folder, account: Option<Account>) -> Result<PathBuf, HarnessError> {
    let home = folder.path("postgres");
    match DirBuilder::new().mode(0o700).create(&home) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).doing(|| format!("making {}", home.display())),
    }
    if let Some(account) = account {
        account.own(&home)?;
    }
    Ok(home)
}

fn read_state(path: &Path, binaries: &Binaries, account: Option<Account>) -> Option<Cluster> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    Some(Cluster {
        binaries: binaries.clone(),
        account,
        folder: PathBuf::from(lines.next()?),
        port: lines.next()?.parse().ok()?,
        password: lines.next()?.to_owned(),
    })
}

/// Stops and removes shared servers whose state is lost or that no longer answer.
fn remove_remains(home: &Path, binaries: &Binaries, account: Option<Account>) -> Result<(), HarnessError> {
    for entry in fs::read_dir(home).doing(|| format!("listing {}", home.display()))? {
        let path = entry.doing(|| format!("listing {}", home.display()))?.path();
        if path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("run-"))
        {
            let remains = Cluster {
                binaries: binaries.clone(),
                account,
                folder: path.clone(),
                port: 0,
                password: String::new(),
            };
            // It fails when the server is gone already, which is just as well.
            remains.stop(Stop::Immediate).ok();
            match fs::remove_dir_all(&path) {
                Ok(()) => {}
                // Its watchdog was quicker.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).doing(|| format!("removing {}", path.display())),
            }
        }
    }
    Ok(())
}

/// Touches the heartbeat file now and until this process ends.
fn start_heartbeat(folder: &Folder) -> Result<(), HarnessError> {
    static STARTED: Once = Once::new();
    let path = folder.path("heartbeat");
    fs::write(&path, "1").doing(|| format!("writing {}", path.display()))?;
    STARTED.call_once(|| {
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(HEARTBEAT);
                // A missed beat is made up for by the next; a folder that is gone needs none.
                fs::write(&path, "1").ok();
            }
        });
    });
    Ok(())
}

fn watch(folder: &Folder, cluster: &Cluster, state: Option<&Path>) -> Result<(), HarnessError> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(folder.path("heartbeat"))
        .arg(&cluster.folder)
        .arg(cluster.binaries.folder())
        .args(state)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // An interrupt from the terminal goes to the tests' process group, not to this one.
        .process_group(0);
    run_as(&mut command, cluster.account);
    let started = command
        .status()
        .doing(|| "starting the watchdog of the test server".to_owned())?;
    if started.success() {
        return Ok(());
    }
    Err(HarnessError::new("the watchdog of the test server did not start"))
}
