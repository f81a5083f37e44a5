//! What `pg_restore` prints of a dump: rows in COPY's text format.

use db::migrate::AppliedStep;

/// The rows of `schema_migrations` in a script. A row that cannot be read is left out: names and numbers need no escapes, so it
/// is not one of ours.
pub(super) fn applied(script: &str) -> Vec<AppliedStep> {
    let mut lines = script.lines();
    let columns = lines.find_map(|line| {
        let (table, rest) = line.strip_prefix("COPY ")?.split_once(" (")?;
        let (columns, _) = rest.split_once(") FROM stdin;")?;
        let is_ours = table.rsplit('.').next() == Some("schema_migrations");
        is_ours.then(|| columns.split(", ").collect::<Vec<_>>())
    });
    let Some(columns) = columns else { return Vec::new() };
    lines
        .take_while(|line| *line != "\\.")
        .filter_map(|line| {
            let value = |name: &str| {
                let index = columns.iter().position(|column| *column == name)?;
                line.split('\t').nth(index)
            };
            Some(AppliedStep {
                context: value("context")?.to_owned(),
                number: value("number")?.parse().ok()?,
                name: value("name")?.to_owned(),
                sha256: value("sha256")?.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_the_table_are_read_by_their_columns() {
        let script = "--\n-- PostgreSQL database dump\n--\nSET client_encoding = 'UTF8';\n\n\
            COPY public.schema_migrations (number, context, name, applied_at, sha256) FROM stdin;\n\
            1\tcore\t0001_core\t2026-11-21 12:00:00+00\tabc\n\
            2\tcore\t0002_more\t2026-11-21 12:00:00+00\tdef\n\\.\n\n3\tcore\t0003_not\tx\ty\n";
        let steps = applied(script);
        let read: Vec<_> = steps
            .iter()
            .map(|step| (&*step.context, step.number, &*step.name, &*step.sha256))
            .collect();
        assert_eq!(read, [("core", 1, "0001_core", "abc"), ("core", 2, "0002_more", "def")]);
    }

    #[test]
    fn a_dump_without_the_table_has_seen_none() {
        assert_eq!(applied(""), []);
        assert_eq!(
            applied("COPY public.recipes (id, name) FROM stdin;\n1\tsoup\n\\.\n"),
            []
        );
    }
}
