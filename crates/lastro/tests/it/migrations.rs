//! What was applied somewhere stays as it was.

use db::Engine;
use lastro::app;

/// The checksums of every step, as `migrations/checksums.txt` keeps them.
fn checksums() -> String {
    let mut lines: Vec<String> = app::migrations()
        .iter()
        .flat_map(|set| set.steps.iter().map(move |step| (set.context, step)))
        .flat_map(|(context, step)| {
            [Engine::Postgres, Engine::Sqlite].map(|engine| {
                format!(
                    "{}  {}/{context}/{}.sql\n",
                    step.checksum(engine),
                    engine.as_str(),
                    step.file
                )
            })
        })
        .collect();
    lines.sort_by(|one, other| one[64..].cmp(&other[64..]));
    lines.concat()
}

/// A line that is there never changes: some database has applied it. A new step adds its lines, in the form of `sha256sum`.
#[test]
fn the_steps_are_those_that_were_applied() {
    assert_eq!(include_str!("../../../../migrations/checksums.txt"), checksums());
}

/// A file in the migrations' folders that no context lists would never run.
#[test]
fn every_file_belongs_to_a_context() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let listed = checksums();
    for engine in ["postgres", "sqlite"] {
        for context in std::fs::read_dir(folder.join(engine)).unwrap() {
            for file in std::fs::read_dir(context.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&folder).unwrap().display().to_string();
                assert!(
                    listed.contains(&format!("  {name}\n")),
                    "{name} is in no context's list"
                );
            }
        }
    }
}
