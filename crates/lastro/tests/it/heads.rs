//! Heads of trails, kept where the database's administrators cannot reach them: a tail that was cut off shows.

use testkit::Engine;

use crate::engines::{At, at};

/// The platform's chain has this seal last, before it is cut off.
const LAST: u32 = 2;

impl At {
    /// Something that is in the platform's trail, and the seal over it.
    fn seal_a_customer(&self, slug: &str) {
        self.lastro.create_tenant(slug).assert_code(0);
        self.lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);
    }

    /// Keeps what a check prints.
    fn keep_heads(&self, file: &str) {
        let verified = self.lastro.run(&["audit", "verify"]);
        std::fs::write(self.lastro.path(file), &verified.assert_code(0).stdout).unwrap();
    }

    #[track_caller]
    fn assert_cut_off(&self, heads: &str) {
        let verified = self.lastro.run(&["audit", "verify", "--head", heads]);
        let cut = format!("CUT OFF: the seal {LAST} that was kept is not there");
        let told = verified.assert_code(1).stdout.lines().find(|line| line.contains(&cut));
        assert!(
            told.is_some_and(|line| line.starts_with("platform ")),
            "{}",
            verified.stdout
        );
    }
}

async fn a_tail_that_was_cut_off_shows_against_the_heads_that_were_kept(engine: Engine) {
    let Some(at) = at(engine) else { return };
    at.lastro.run(&["migrate"]).assert_code(0);
    at.keep_heads("before");
    at.seal_a_customer("padaria");
    at.keep_heads("first");
    at.seal_a_customer("mercado");
    at.keep_heads("second");
    for kept in ["before", "first", "second", "data/audit-heads"] {
        at.lastro.run(&["audit", "verify", "--head", kept]).assert_code(0);
    }

    if engine == Engine::Sqlite {
        for table in ["audit_entries", "audit_sealed", "audit_seals"] {
            at.execute(&format!("DROP TRIGGER tr_{table}__no_delete")).await;
        }
    }
    let batch =
        format!("organization_id = (SELECT id FROM organizations WHERE slug = 'platform') AND sequence = {LAST}");
    at.execute(&format!(
        "DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM audit_sealed WHERE {batch})"
    ))
    .await;
    for table in ["audit_sealed", "audit_seals"] {
        at.execute(&format!("DELETE FROM {table} WHERE {batch}")).await;
    }
    // What is left fits, and what was kept before is in it.
    at.lastro.run(&["audit", "verify", "--head", "first"]).assert_code(0);
    at.assert_cut_off("second");
    at.assert_cut_off("data/audit-heads");

    // It stays so when the chain grows over the place again.
    for slug in ["oficina", "farmacia"] {
        at.seal_a_customer(slug);
        at.assert_cut_off("second");
        // The server's own file keeps the head that is missing beside the new one.
        at.assert_cut_off("data/audit-heads");
    }
    let all = ["first", "second"].map(|file| std::fs::read_to_string(at.lastro.path(file)).unwrap());
    std::fs::write(at.lastro.path("all"), all.concat()).unwrap();
    at.assert_cut_off("all");
}

#[tokio::test]
async fn a_tail_that_was_cut_off_shows_on_sqlite() {
    a_tail_that_was_cut_off_shows_against_the_heads_that_were_kept(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_tail_that_was_cut_off_shows_on_postgresql() {
    a_tail_that_was_cut_off_shows_against_the_heads_that_were_kept(Engine::Postgres).await;
}
