//! Tables whose rows grants can be conditioned on ask for the grant in their own functions.

use crate::source::{Source, code, sources};

/// What hands out a row, or takes one in.
const ASKED: [&str; 5] = ["lookup", "show", "lock", "add", "save"];

/// Functions of such tables that ask nobody: without an [`Admits`](contracts::Admits) in their first line, and lists without what a
/// grant leaves of them.
fn unasked(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_in_layer("store")) {
        let code = code(&source.text);
        if !code.contains("const FIELDS: [Column;") {
            continue;
        }
        for signature in code.split("\npub(crate) async fn ").skip(1) {
            let signature = signature.split(" {\n").next().unwrap_or_default();
            let name: String = signature
                .chars()
                .take_while(|letter| *letter != '<' && *letter != '(')
                .collect();
            let asks = match name.as_str() {
                "list" => signature.contains("reached: Narrowed"),
                name if ASKED.contains(&name) => signature.contains("<A: Admits>") && signature.contains("by: &A"),
                _ => true,
            };
            if !asks {
                findings.push(format!("{}: {name}", source.path));
            }
        }
    }
    findings
}

#[test]
fn what_grants_can_be_conditioned_on_is_handed_out_and_taken_in_by_asking_them() {
    assert_eq!(unasked(&sources()), [""; 0]);
    let fields = "pub(crate) const FIELDS: [Column; 1] = [];\n";
    let seeded =
        |functions: &str| Source::seeded("crates/finance/src/store/invoices.rs", &format!("{fields}{functions}"));
    let careless = [
        "\npub(crate) async fn lookup(scope: Scope<'_>, id: Id) -> Result<(), DbError> {\n}\n",
        "\npub(crate) async fn save(\n    uow: &UnitOfWork,\n) -> Result<(), DbError> {\n}\n",
        "\npub(crate) async fn list(\n    scope: Scope<'_>,\n) -> Result<(), DbError> {\n}\n",
    ];
    for functions in careless {
        assert_eq!(unasked(&[seeded(functions)]).len(), 1, "{functions}");
    }
    let careful = seeded(
        "\npub(crate) async fn lookup<A: Admits>(scope: Scope<'_>, by: &A, id: Id) -> Result<(), A::Error> {\n}\n\
         \npub(crate) async fn list(\n    scope: Scope<'_>,\n    reached: Narrowed,\n) -> Result<(), DbError> {\n}\n",
    );
    assert_eq!(unasked(&[careful]), [""; 0]);
}

#[test]
fn the_tables_that_have_conditions_are_seen() {
    let with_fields =
        |source: &&Source| source.is_in_layer("store") && code(&source.text).contains("const FIELDS: [Column;");
    assert!(sources().iter().filter(with_fields).count() >= 7);
}
