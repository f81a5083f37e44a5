//! A statement: its text on each engine, whose rows it may reach, and the lane it travels in.

/// The two engines that one binary speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The embedded engine.
    Sqlite,
    /// The server engine.
    Postgres,
}

impl Engine {
    /// Its name, as it appears in the migrations' folders, in URLs and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Whose rows a statement may touch. A scope runs only statements of its own reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One organization's rows: the text holds `organization_id = $1` (an INSERT binds it as `$1`), and the scope binds it.
    Tenant,
    /// A global table: organizations, the catalogue, the change feed.
    Global,
    /// Rows of several organizations, for work that has a listed reason.
    System,
}

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// It reads them.
    Read,
    /// It changes them, and perhaps returns them.
    Change,
    /// Something else: it ends a transaction, changes a session or a table. No scope runs it.
    Other,
}

impl Verb {
    /// Told by the first word, and behind WITH by the words that follow.
    pub(crate) fn of(text: &str) -> Self {
        let mut words = text
            .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .filter(|word| !word.is_empty());
        let first = words.next().unwrap_or_default();
        let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
        // A text that begins with a comment or a parenthesis is as little expected as one that begins with ROLLBACK.
        if !text.trim_start().starts_with(first) {
            return Self::Other;
        }
        if is(first, "select") || is(first, "values") {
            return Self::Read;
        }
        if ["insert", "update", "delete"].iter().any(|verb| is(first, verb)) {
            return Self::Change;
        }
        if !is(first, "with") {
            return Self::Other;
        }
        let mut before = first;
        for word in words {
            // FOR UPDATE and FOR NO KEY UPDATE lock rows and change none.
            let locks = is(before, "for") || is(before, "key");
            if is(word, "insert") || is(word, "delete") || (is(word, "update") && !locks) {
                return Self::Change;
            }
            before = word;
        }
        Self::Read
    }
}

/// How a read travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// One organization, by key or one page of at most 100 rows over a covering index. On PostgreSQL it is pipelined with
    /// other requests' reads over a few shared connections and must answer within a second.
    Point,
    /// Everything else: on a pooled connection of its own.
    Pooled,
}

/// A statement that both engines run. Parameters are `$1`, `$2`, … on both.
///
/// ```
/// use lastro_db::Sql;
/// const LOOKUP: Sql = Sql::tenant("SELECT id, name FROM roles WHERE organization_id = $1 AND id = $2").point();
/// # let _ = LOOKUP;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sql<'t> {
    postgres: &'t str,
    sqlite: Option<&'t str>,
    reach: Reach,
    lane: Lane,
    may_lag: bool,
    /// Whether SQLite's own numbering of the parameters is that of their names.
    in_order: bool,
}

/// Whether `$1`, `$2`, … each appear for the first time in this order. A `$` elsewhere, as in a literal, only makes the answer no.
const fn in_order(text: &str) -> bool {
    let mut rest = text.as_bytes();
    let mut seen = 0_usize;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'$' {
            continue;
        }
        let mut number = 0_usize;
        while let [digit @ b'0'..=b'9', tail @ ..] = rest {
            number = number.saturating_mul(10).saturating_add((*digit - b'0') as usize);
            rest = tail;
        }
        if number == 0 || number > seen + 1 {
            return false;
        }
        if number > seen {
            seen = number;
        }
    }
    true
}

impl<'t> Sql<'t> {
    /// A statement on one organization's rows.
    #[must_use]
    pub const fn tenant(text: &'t str) -> Self {
        Self::new(text, Reach::Tenant)
    }

    /// A statement on a global table.
    #[must_use]
    pub const fn global(text: &'t str) -> Self {
        Self::new(text, Reach::Global)
    }

    /// A statement that reaches several organizations; only a [`SystemScope`](crate::SystemScope) runs it.
    #[must_use]
    pub const fn system(text: &'t str) -> Self {
        Self::new(text, Reach::System)
    }

    const fn new(text: &'t str, reach: Reach) -> Self {
        Self {
            postgres: text,
            sqlite: None,
            reach,
            lane: Lane::Pooled,
            may_lag: false,
            in_order: in_order(text),
        }
    }

    /// A statement composed at run time from static parts, such as a list with its filters.
    pub(crate) const fn composed(text: &'t str, reach: Reach, lane: Lane) -> Self {
        Self {
            postgres: text,
            sqlite: None,
            reach,
            lane,
            may_lag: false,
            // Not worth a look at the text each time: the names are looked up.
            in_order: false,
        }
    }

    /// The other text for SQLite, for the few statements that must differ.
    #[must_use]
    pub const fn on_sqlite(mut self, text: &'t str) -> Self {
        self.sqlite = Some(text);
        self.in_order = in_order(text);
        self
    }

    /// Declares the lane [`Lane::Point`].
    #[must_use]
    pub const fn point(mut self) -> Self {
        self.lane = Lane::Point;
        self
    }

    /// Declares that the read may come from a replica that lags behind, when one is configured.
    #[must_use]
    pub const fn may_lag(mut self) -> Self {
        self.may_lag = true;
        self
    }

    /// The text for `engine`.
    #[must_use]
    pub const fn text(&self, engine: Engine) -> &'t str {
        match (engine, self.sqlite) {
            (Engine::Sqlite, Some(text)) => text,
            _ => self.postgres,
        }
    }

    /// Whether SQLite numbers its parameters as they are named, so that the n-th value goes to the n-th place.
    pub(crate) const fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// Whose rows it may touch.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Its lane.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// Whether a replica may answer it.
    #[must_use]
    pub const fn lags(&self) -> bool {
        self.may_lag
    }
}

/// What is wrong with a statement's text, found without a database. Run by the statement test over every statement of
/// every context.
///
/// # Errors
/// One sentence naming the rule that the text breaks.
pub fn lint(sql: &Sql<'_>) -> Result<(), String> {
    for engine in [Engine::Postgres, Engine::Sqlite] {
        let text = sql.text(engine);
        let lower = text.to_lowercase();
        if Verb::of(text) == Verb::Other {
            return Err(format!("is not SELECT, VALUES, INSERT, UPDATE, DELETE or WITH: {text}"));
        }
        // SQLite's conflict clauses give up neighbours' work (OR ROLLBACK) or delete rows unseen (OR REPLACE); ON CONFLICT says
        // what happens.
        if lower.contains("insert or ") || lower.contains("update or ") {
            return Err(format!("has a conflict clause of one engine: {text}"));
        }
        // Case-insensitive comparison happens in a companion column made in Rust: the engines disagree about every other way.
        for refused in ["lower(", "upper(", "ilike", "nocase", "float", "real ", "double "] {
            if lower.contains(refused) {
                return Err(format!("uses {refused:?}: {text}"));
            }
        }
        if sql.reach() == Reach::Tenant {
            let scoped = lower.contains("organization_id = $1");
            let binds = |word: &str, first: &str| {
                lower.split_once(word).is_some_and(|(head, tail)| {
                    head.contains("(organization_id") && tail.trim_start().starts_with(first)
                })
            };
            let inserts =
                lower.trim_start().starts_with("insert into") && (binds("values", "($1") || binds("select", "$1"));
            if !scoped && !inserts {
                return Err(format!(
                    "is declared tenant but is not bound to organization_id = $1: {text}"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_in_order_when_each_follows_those_before_it() {
        assert!(Sql::tenant("SELECT $1, $2, $1, $3").is_in_order());
        assert!(Sql::global("SELECT 1").is_in_order());
        assert!(!Sql::tenant("SELECT $2, $1").is_in_order());
        assert!(!Sql::tenant("SELECT '$', $1").is_in_order());
        assert!(!Sql::tenant("SELECT $1, $2").on_sqlite("SELECT $2, $1").is_in_order());
    }

    #[test]
    fn a_tenant_statement_without_its_organization_is_refused() {
        assert!(lint(&Sql::tenant("SELECT id FROM roles WHERE id = $1")).is_err());
        assert!(lint(&Sql::tenant("INSERT INTO roles (id, organization_id) VALUES ($2, $1)")).is_err());
        assert!(lint(&Sql::tenant("INSERT INTO roles (organization_id, id) VALUES ($1, $2)")).is_ok());
        assert!(
            lint(&Sql::tenant(
                "INSERT INTO roles (organization_id, id) SELECT $1, id FROM x"
            ))
            .is_ok()
        );
        assert!(
            lint(&Sql::tenant(
                "INSERT INTO roles (organization_id, id) SELECT y, $1 FROM x"
            ))
            .is_err()
        );
        assert!(
            lint(&Sql::tenant(
                "SELECT id FROM roles WHERE organization_id = $1 AND id = $2"
            ))
            .is_ok()
        );
    }

    #[test]
    fn comparisons_that_the_engines_disagree_about_are_refused() {
        assert!(lint(&Sql::global("SELECT id FROM modules WHERE lower(name) = $1")).is_err());
        assert!(lint(&Sql::global("SELECT id FROM modules WHERE name ILIKE $1")).is_err());
        assert!(
            lint(&Sql::global("SELECT id FROM modules").on_sqlite("SELECT id FROM modules COLLATE NOCASE")).is_err()
        );
        assert!(lint(&Sql::global("SELECT id FROM modules WHERE name_folded = $1")).is_ok());
    }

    #[test]
    fn only_statements_on_rows_are_accepted() {
        for refused in [
            "ROLLBACK",
            "COMMIT",
            "SET ROLE postgres",
            "PRAGMA foreign_keys = off",
            "ATTACH 'x' AS x",
            "DROP TABLE roles",
            "-- a comment\nSELECT 1",
            "",
            "INSERT OR ROLLBACK INTO roles (id) VALUES ($1)",
        ] {
            assert!(lint(&Sql::global(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn what_a_statement_does_is_told_by_its_words() {
        assert_eq!(Verb::of("SELECT id FROM roles FOR UPDATE"), Verb::Read);
        assert_eq!(Verb::of("\n  insert into roles VALUES ($1) RETURNING id"), Verb::Change);
        assert_eq!(
            Verb::of("WITH a AS (SELECT 1) SELECT * FROM a FOR NO KEY UPDATE"),
            Verb::Read
        );
        assert_eq!(
            Verb::of("WITH a AS (SELECT updated_at FROM roles) SELECT * FROM a"),
            Verb::Read
        );
        assert_eq!(
            Verb::of("WITH a AS (DELETE FROM roles RETURNING id) SELECT * FROM a"),
            Verb::Change
        );
        assert_eq!(
            Verb::of("WITH a AS (SELECT 1) INSERT INTO roles SELECT * FROM a"),
            Verb::Change
        );
        assert_eq!(Verb::of("ROLLBACK"), Verb::Other);
        assert_eq!(Verb::of("(SELECT 1)"), Verb::Other);
    }

    #[test]
    fn the_pair_of_texts_goes_to_its_engine() {
        let sql = Sql::global("a").on_sqlite("b");
        assert_eq!(sql.text(Engine::Postgres), "a");
        assert_eq!(sql.text(Engine::Sqlite), "b");
        assert_eq!(Sql::global("a").text(Engine::Sqlite), "a");
    }
}
