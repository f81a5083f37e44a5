//! The guards over statements: each catches what it is there for.

use db::migrate::{CORE, lint as lint_step};
use db::{Engine, Sql};
use lastro_db as db;

use crate::support::{ADD, Fixture, MOVE, NOTES, TEXTS, on_both};

on_both! {
    async fn every_statement_of_this_crate_is_accepted_by_the_engine(f: Fixture) {
        let mut statements = db::statements();
        assert!(statements.len() >= 7, "the list is not empty by accident");
        statements.extend([ADD, MOVE, TEXTS]);
        assert_eq!(db::admin::unpreparable(f.url(), &statements).await.unwrap(), Vec::<String>::new());
        let points: Vec<_> = statements.into_iter().filter(|sql| sql.lane() == db::Lane::Point).collect();
        assert!(!points.is_empty());
        assert_eq!(db::admin::full_scans(f.url(), &points).await.unwrap(), Vec::<String>::new());
    }

    async fn what_the_engine_does_not_accept_is_found(f: Fixture) {
        let wrong = [
            Sql::tenant("SELECT colour FROM notes WHERE organization_id = $1"),
            Sql::tenant("SELECT text FROM nots WHERE organization_id = $1"),
            Sql::tenant("SELEC text FROM notes WHERE organization_id = $1"),
        ];
        let found = db::admin::unpreparable(f.url(), &[wrong[0], TEXTS, wrong[1], wrong[2]]).await.unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        let scanning = Sql::tenant("SELECT text FROM notes WHERE organization_id = $1 OR text_folded = 'x'").point();
        assert_eq!(db::admin::full_scans(f.url(), &[scanning]).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_of_texts_is_checked_each_on_its_engine() {
    let pair = Sql::global("SELECT now()").on_sqlite("SELECT unixepoch()");
    let swapped = Sql::global("SELECT unixepoch()").on_sqlite("SELECT now()");
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(f) = Fixture::start(engine).await else {
            continue;
        };
        assert!(db::admin::unpreparable(f.url(), &[pair]).await.unwrap().is_empty());
        assert_eq!(db::admin::unpreparable(f.url(), &[swapped]).await.unwrap().len(), 1);
    }
}

#[test]
fn this_crates_statements_and_steps_keep_the_rules() {
    for sql in db::statements().iter().chain([&ADD, &MOVE, &TEXTS]) {
        assert_eq!(db::lint(sql), Ok(()));
    }
    for step in CORE.steps.iter().chain(NOTES.steps) {
        assert_eq!(lint_step(step), Ok(()));
    }
}
