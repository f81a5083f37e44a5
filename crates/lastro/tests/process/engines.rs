//! Running a test on both engines.

/// Runs each test on SQLite and on PostgreSQL. On a machine without PostgreSQL that half passes without having run; the last line
/// of the suite says so, and where PostgreSQL is required it fails instead.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* fn $name:ident($lastro:ident: Installation) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn behaviour($lastro: Installation) $body

            #[test]
            fn sqlite() {
                behaviour(Installation::on_sqlite());
            }

            #[test]
            fn postgres() {
                if let Some(lastro) = Installation::on_postgres() {
                    behaviour(lastro);
                }
            }
        }
    )+};
}
