//! Copies of the embedded database, made while it is in use.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use db::{BackupError, Db, DbConfig, DbError, Engine, sqlite_backup, sqlite_restore};
use lastro_db as db;

use crate::support::{Fixture, add, adding, generators, organization, send, unit};

const HOME: u128 = 0xa;

fn files(f: &Fixture) -> BTreeSet<String> {
    let entries = std::fs::read_dir(f.file().folder()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn copy_of(f: &Fixture) -> PathBuf {
    f.file().folder().join("copy.db")
}

/// The notes of a database file, each with its twin.
async fn twins(url: &str) -> (usize, usize) {
    let rows = db::admin::query(url, "SELECT text FROM notes ORDER BY text")
        .await
        .unwrap();
    let notes: BTreeSet<String> = rows.into_iter().map(|row| row[0].clone().unwrap()).collect();
    let first = notes.iter().filter(|note| note.ends_with("first")).count();
    for note in notes.iter().filter_map(|note| note.strip_suffix("first")) {
        assert!(notes.contains(&format!("{note}second")), "{note} is half there");
    }
    let audit = db::admin::query(url, "SELECT CAST(count(*) AS TEXT) FROM audit_entries")
        .await
        .unwrap();
    assert_eq!(audit[0][0], Some(notes.len().to_string()));
    (first, notes.len() - first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_copy_made_among_writes_is_one_state_and_ends() {
    let f = Fixture::start(Engine::Sqlite).await.unwrap();
    let home = organization(HOME);
    // Some megabytes, so that the copy takes several steps between which others commit.
    f.db.write(unit(home).unaudited("a test"), move |uow| async move {
        let filler = "x".repeat(60_000);
        for number in 0..300 {
            let text = format!("{filler} {number}");
            uow.scope(home)
                .send(
                    &crate::support::ADD,
                    &db::values![crate::support::new_id(&uow), text, "", 0_i64],
                )
                .await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    db::admin::execute(f.url(), "DELETE FROM notes WHERE length(text) > 1000 AND place < 0")
        .await
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let (db, stop) = (f.db.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    db.write(unit(home), move |uow| async move {
                        add(&uow, home, &format!("note {writer} {written} first")).await?;
                        send(&uow, home, &format!("note {writer} {written} second")).await
                    })
                    .await
                    .unwrap();
                    written += 1;
                }
                written
            })
        })
        .collect();
    let (url, copy) = (f.url().to_owned(), copy_of(&f));
    let copied = tokio::task::spawn_blocking(move || {
        let mut steps = Vec::new();
        for _ in 0..3 {
            sqlite_backup(&url, &copy, &mut |done, total| steps.push((done, total))).unwrap();
        }
        steps
    });
    let steps = copied.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(written > 3, "the writers went on: {written}");
    // Three copies, each told from its first step to its last, none begun anew.
    let ends = steps.iter().filter(|(done, total)| done == total).count();
    let turns = steps.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
    assert_eq!((ends, turns), (3, 2), "{steps:?}");
    assert!(steps.len() > 9, "{steps:?}");

    // What is in the copy is whole, and it is a file complete by itself.
    let known = files(&f);
    assert!(
        known.contains("copy.db")
            && !known
                .iter()
                .any(|name| name.starts_with("copy.db-") || name.contains("partial"))
    );
    let copied = format!("sqlite://{}", copy_of(&f).display());
    db::admin::execute(&copied, "DELETE FROM notes WHERE length(text) > 1000")
        .await
        .unwrap();
    let (first, second) = twins(&copied).await;
    assert_eq!(first, second);
    assert!(first <= written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_is_the_copy() {
    let f = Fixture::start(Engine::Sqlite).await.unwrap();
    let home = organization(HOME);
    f.db.write(unit(home), adding(home, "kept")).await.unwrap();
    let (copy, url) = (copy_of(&f), f.url().to_owned());
    sqlite_backup(&url, &copy, &mut |_, _| {}).unwrap();
    f.db.write(unit(home), adding(home, "later")).await.unwrap();

    // A server has it open.
    let refused = sqlite_restore(&copy, &url, &mut |_, _| {});
    assert!(matches!(refused, Err(BackupError::InUse(_))));
    assert_eq!(f.notes(home).await, ["kept", "later"]);
    f.goes_on(home).await;

    let Fixture { db, clock, .. } = &f;
    let other = tempfile::TempDir::new().unwrap();
    let target = format!("sqlite://{}", other.path().join("restored.db").display());
    {
        // A database that another program left, with a log that was never folded in.
        let left = Db::open(DbConfig::new(&target), generators(clock)).unwrap();
        drop(left);
        std::fs::write(other.path().join("restored.db-wal"), b"not a log").unwrap();
        std::fs::write(other.path().join("restored.db.partial"), b"a copy that was killed").unwrap();
    }
    let mut progress = Vec::new();
    sqlite_restore(&copy, &target, &mut |done, total| progress.push((done, total))).unwrap();
    assert_eq!(progress.last().map(|(done, total)| done == total), Some(true));
    let restored = Db::open(DbConfig::new(&target), generators(clock)).unwrap();
    let texts = restored
        .scope(home)
        .all(&crate::support::TEXTS, &[], crate::support::text)
        .await
        .unwrap();
    assert_eq!(texts, ["kept"]);
    restored.write(unit(home), adding(home, "new")).await.unwrap();
    assert_eq!(db.engine(), Engine::Sqlite);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_database_replaces_none() {
    let f = Fixture::start(Engine::Sqlite).await.unwrap();
    let home = organization(HOME);
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite://{}", folder.path().join("present.db").display());
    sqlite_backup(f.url(), &folder.path().join("present.db"), &mut |_, _| {}).unwrap();
    let torn = folder.path().join("torn.db");
    let mut bytes = std::fs::read(folder.path().join("present.db")).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    std::fs::write(&torn, bytes).unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to be looked at".repeat(100)).unwrap();
    for wrong in [torn, text, folder.path().join("missing.db")] {
        assert!(
            sqlite_restore(&wrong, &url, &mut |_, _| {}).is_err(),
            "{}",
            wrong.display()
        );
        let present = Db::open(DbConfig::new(&url), generators(&f.clock)).unwrap();
        present
            .write(unit(home).unaudited("a test"), |_| async { Ok::<_, DbError>(()) })
            .await
            .unwrap();
        assert!(
            present
                .scope(home)
                .all(&crate::support::TEXTS, &[], crate::support::text)
                .await
                .unwrap()
                .is_empty()
        );
        drop(present);
        crate::support::eventually(
            std::time::Duration::from_secs(5),
            "the writer has closed the file",
            || async { !folder.path().join("present.db-wal").exists() },
        )
        .await;
    }
    let nowhere = folder.path().join("no such folder").join("copy.db");
    assert!(sqlite_backup(f.url(), &nowhere, &mut |_, _| {}).is_err());
}
