//! What the command line understands, and the manual that `--help` prints.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use kernel::Timestamp;

const ABOUT: &str = "A multi-tenant ERP backend in one binary";

const LONG_ABOUT: &str = "\
A multi-tenant ERP backend in one binary.

Lastro serves many customer organizations from one process and one database, each strictly apart from the others. It needs \
nothing installed: without any configuration it keeps its rows in the SQLite file data/lastro.db and answers on \
127.0.0.1:8080. For production, point DATABASE_URL at PostgreSQL.";

const AFTER_LONG_HELP: &str = "\
EXAMPLES
  Try it out: an embedded database, a sample organization, its credentials printed once
      lastro serve --demo

  Production: PostgreSQL, its tables changed by their owner before the server starts
      export LASTRO_ENV=production LASTRO_MASTER_KEY=... LASTRO_SMTP_URL=smtps://...
      export DATABASE_URL=postgres://app@db/lastro DATABASE_MIGRATION_URL=postgres://owner@db/lastro
      lastro migrate && lastro serve

  Every night
      lastro backup /backups/lastro-$(date +%F).backup

CONFIGURATION
  From the environment, or from lastro.toml in the working folder or the file that --config names; the environment wins.
  `lastro config check` prints every key with its value and who decided it, and all problems at once.

OUTPUT
  What a command answers goes to standard output; logs, progress and errors go to standard error. Progress is shown on a
  terminal only.

EXIT STATUS
  0  fine
  1  failed: the message says why
  2  wrong usage, or an invalid configuration";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "lastro",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_long_help = AFTER_LONG_HELP,
    max_term_width = 110
)]
pub struct Cli {
    /// The configuration file to read instead of lastro.toml in the working folder
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API until told to stop
    ///
    /// Brings the database up to date first: pending migrations are applied and the seeds are laid, under a lock, so that
    /// several nodes may start at once. It refuses a database that is newer than this binary, and one for which a destructive
    /// migration is pending: run `lastro migrate` for that, when you have a backup.
    ///
    /// SIGTERM or Ctrl-C stops it: no new connections, and 30 seconds for what is being answered.
    #[command(after_long_help = SERVE_HELP)]
    Serve(ServeArgs),

    /// Bring the database up to date
    ///
    /// Applies the pending migrations in order, each whole or not at all, under a lock. Also applies destructive ones, which
    /// `serve` refuses: look first with --dry-run, and have a backup.
    ///
    /// Connects with DATABASE_MIGRATION_URL where it is set.
    #[command(after_long_help = MIGRATE_HELP)]
    Migrate(MigrateArgs),

    /// Lay the seeds: the platform organization, and the catalogue of modules, permissions and packages
    ///
    /// Changes nothing that is there already; it can be repeated at any time. `serve` does it by itself.
    Seed(SeedArgs),

    /// Make, list, export and end customers
    #[command(subcommand)]
    Tenant(TenantCommand),

    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Print the OpenAPI document of the API
    ///
    /// The same document that a running server answers at /openapi.json. Needs neither a database nor a configuration.
    Openapi,

    /// Ask why somebody may or may not, or what in the grants is of no use
    #[command(subcommand)]
    Access(AccessCommand),

    /// Print docs/access-matrix.txt: what it takes to use each route
    #[command(hide = true)]
    AccessMatrix,

    /// Look for what could keep the server from working
    ///
    /// Checks the configuration, the data folder, the database and its migrations, the master key, the addresses to listen
    /// on and the tools for backups. Changes nothing. Fails when something would keep `serve` from starting.
    Doctor,

    /// Copy the whole database into a file, while the server goes on
    ///
    /// SQLite: a consistent copy by the engine's online backup, itself an SQLite database. PostgreSQL: `pg_dump` in its custom
    /// format; the PostgreSQL client tools must be installed. The file appears under its name, replacing one that is there,
    /// only when it is whole.
    ///
    /// It holds everything but the master key: keep that one elsewhere, for without it the secrets in the copy are lost.
    #[command(after_long_help = BACKUP_HELP)]
    Backup(BackupArgs),

    /// Put a backup in the place of the database
    ///
    /// Stop every server first. Without --force it refuses a database that is not empty. A backup made by a newer Lastro is
    /// refused; one made by an older is brought up to date by the next `migrate` or `serve`.
    #[command(after_long_help = RESTORE_HELP)]
    Restore(RestoreArgs),

    /// Move everything to a database of the other engine, SQLite or PostgreSQL
    ///
    /// Stop every server first. The target must be empty: its tables are made by the way. Every row goes, all in one transaction;
    /// the source is left as it is. Then point DATABASE_URL at the target, with the same master key.
    #[command(after_long_help = MOVE_HELP)]
    Move(MoveArgs),

    /// Check the audit trails
    #[command(subcommand)]
    Audit(AuditCommand),

    /// Tell a person all that is held of them, or erase it (LGPD, art. 18)
    #[command(subcommand)]
    Privacy(PrivacyCommand),

    /// Look at the periodic work of the installation, or do some of it now
    #[command(subcommand)]
    Jobs(JobsCommand),

    /// Change the keys that access tokens are signed with
    #[command(subcommand)]
    Keys(KeysCommand),

    /// Make administrators, and give people another password
    #[command(subcommand)]
    Admin(AdminCommand),

    /// Bring people from another system
    #[command(subcommand)]
    Users(UsersCommand),

    /// Check what was counted of the organizations' usage, or take it with you
    #[command(subcommand)]
    Usage(UsageCommand),

    /// Print a completion script for a shell
    #[command(after_long_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
}

const SERVE_HELP: &str = "\
EXAMPLES
  lastro serve --demo
  LASTRO_BIND=0.0.0.0:8080 lastro serve
  lastro serve --config /etc/lastro/lastro.toml

EXIT STATUS
  0  stopped when told to
  1  could not start (the address is in use, the database cannot be reached, ...) or had to give up
  2  wrong usage, or an invalid configuration";

const MIGRATE_HELP: &str = "\
EXAMPLES
  lastro migrate --dry-run
  lastro migrate

EXIT STATUS
  0  the database is up to date (with --dry-run: nothing prevents it)
  1  a step failed, or the database is newer than this binary, or an applied step was altered
  2  wrong usage, or an invalid configuration";

const TENANT_CREATE_HELP: &str = "\
EXAMPLES
  lastro tenant create --name 'Padaria Central' --slug padaria-central --package starter --admin-email ana@padaria.example";

const TENANT_IMPORT_HELP: &str = "\
EXAMPLES
  lastro tenant import examples/companies.csv";

const BACKUP_HELP: &str = "\
EXAMPLES
  lastro backup /backups/lastro.backup
  DATABASE_URL=postgres://owner@db/lastro lastro backup lastro.dump";

const RESTORE_HELP: &str = "\
EXAMPLES
  lastro restore /backups/lastro.backup
  lastro restore --force lastro.dump";

const USAGE_EXPORT_HELP: &str = "\
EXAMPLES
  lastro usage export --organization padaria-central --format csv november.csv --from 2026-11-01T00:00:00Z
  lastro usage export --organization padaria-central --metric documents.signed | jq -s 'map(.quantity) | add'";

const USERS_IMPORT_HELP: &str = "\
EXAMPLES
  lastro users import people.csv --organization padaria-central

EXIT STATUS
  0  all are made
  1  none is made: a line is bad, or the organization's quota does not reach
  2  wrong usage, or an invalid configuration";

const PRIVACY_EXPORT_HELP: &str = "\
EXAMPLES
  lastro privacy export --organization padaria-central --email ana@padaria.example ana.json";

const COMPLETIONS_HELP: &str = "\
EXAMPLES
  lastro completions bash > /etc/bash_completion.d/lastro
  lastro completions zsh > \"${fpath[1]}/_lastro\"
  lastro completions fish > ~/.config/fish/completions/lastro.fish";

/// `lastro serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Add a sample organization and print its credentials once. Refused in staging and production
    #[arg(long)]
    pub demo: bool,
}

/// `lastro seed`.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Business modules and packages from this file, now and at every start, in the place of those that are built in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub catalog: Option<PathBuf>,
}

/// `lastro tenant`.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Onboard a customer: its organization on a package, with its first administrator
    ///
    /// All of it or nothing. Without a password the administrator is invited by mail.
    #[command(after_long_help = TENANT_CREATE_HELP)]
    Create(TenantCreateArgs),
    /// Onboard the customers of a file
    ///
    /// CSV with the columns name,slug,document,packageCode,adminName,adminEmail,adminPasswordHash, or NDJSON with the same fields.
    /// All lines are checked before the first is imported, and one that is there already is left as it is: it is safe to run it
    /// again. Who has no password hash is invited by mail.
    #[command(after_long_help = TENANT_IMPORT_HELP)]
    Import {
        /// The file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Name every organization, whether it is active, and its package
    List,
    /// Show an organization
    Show {
        /// Its slug or id
        #[arg(value_name = "SLUG|ID")]
        organization: String,
    },
    /// End an organization's access; its rows stay
    Deactivate {
        /// Its slug or id
        #[arg(value_name = "SLUG|ID")]
        organization: String,
    },
    /// Move an organization to the database of another installation
    ///
    /// The other installation has the same version and the same master key, and a catalogue with what the organization uses; each
    /// database may be SQLite or PostgreSQL, and servers go on on both. The organization is deactivated here, and nothing is sent for it any
    /// more; when what was under way has ended, all of its rows are copied in one transaction. Then it is marked as moved here, where
    /// it can be purged 30 days later, and active there. Safe to run again when it was interrupted; activating the organization
    /// before that gives the move up.
    #[command(after_long_help = TENANT_MOVE_HELP)]
    Move(TenantMoveArgs),
    /// Write every row of an organization into a file, as lines of JSON
    ///
    /// The same lines from SQLite and from PostgreSQL. Connects with DATABASE_MIGRATION_URL where it is set. Deactivate the organization first if nothing may change meanwhile.
    Export {
        /// Its slug or id
        #[arg(value_name = "SLUG|ID")]
        organization: String,
        /// The file; it must not be there yet
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Delete an organization's rows for good, 30 days after it was deactivated
    ///
    /// Its audit trail and the seals over it stay. Its slug and document are free for others then.
    Purge {
        /// Its slug or id
        #[arg(value_name = "SLUG|ID")]
        organization: String,
        /// Say that you mean it
        #[arg(long)]
        confirm: bool,
    },
}

const TENANT_MOVE_HELP: &str = "\
EXAMPLES
  lastro tenant move padaria --to postgres://owner@db2/lastro --dry-run
  lastro tenant move padaria --to postgres://owner@db2/lastro";

/// `lastro tenant move`.
#[derive(Debug, Args)]
pub struct TenantMoveArgs {
    /// Its slug or id
    #[arg(value_name = "SLUG|ID")]
    pub organization: String,
    /// The database to move to, as its owner
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Look whether it can be moved, say how many rows of which tables would be, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// For how many seconds to wait between deactivating it and copying it: nodes hear of it within two, and a request ends within thirty
    #[arg(long, value_name = "SECONDS", default_value_t = 35)]
    pub settle: u64,
}

/// `lastro tenant create`.
#[derive(Debug, Args)]
pub struct TenantCreateArgs {
    /// What people call the company
    #[arg(long)]
    pub name: String,
    /// What it is called in addresses
    #[arg(long)]
    pub slug: String,
    /// Its CNPJ
    #[arg(long)]
    pub document: Option<String>,
    /// The code of its package
    #[arg(long)]
    pub package: String,
    /// The first administrator's address
    #[arg(long)]
    pub admin_email: String,
    /// The first administrator's name
    #[arg(long)]
    pub admin_name: Option<String>,
    /// The password to come in with. Others on this machine can see it while the command runs; the environment is a better place
    #[arg(long, env = "LASTRO_TENANT_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,
}

/// `lastro migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Print what would run, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `lastro config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and print it: every key, its value with secrets redacted, and who decided it
    ///
    /// Lists all problems at once, and then exits with 2.
    Check,
    /// Print docs/configuration.md
    #[command(hide = true)]
    Docs,
}

const MOVE_HELP: &str = "\
EXAMPLES
  lastro move --to postgres://owner@db/lastro --dry-run
  lastro move --to postgres://owner@db/lastro
  DATABASE_URL=postgres://owner@db/lastro lastro move --to sqlite:///var/lib/lastro/lastro.db";

/// `lastro move`.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The database to move to
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Say how many rows of which tables would be moved, and move nothing but make the target's tables
    #[arg(long)]
    pub dry_run: bool,
}

/// `lastro audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain of each organization's trail, and name the first entry that was changed, removed or added
    ///
    /// Prints a line an organization with its head: the last seal. Keep what it prints where the database's administrators cannot
    /// reach it, and give it back with --head: then a tail that was cut off shows too. The server keeps the head of every
    /// organization in the data folder's `audit-heads`, which --head takes as well.
    Verify(AuditVerifyArgs),
}

/// `lastro audit verify`.
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// Only the organization with this slug
    #[arg(long, value_name = "SLUG")]
    pub organization: Option<String>,
    /// What an earlier run printed, or the folder with the heads that servers keep
    #[arg(long, value_name = "FILE|FOLDER", value_hint = ValueHint::AnyPath)]
    pub head: Option<PathBuf>,
}

/// `lastro privacy`.
#[derive(Debug, Subcommand)]
pub enum PrivacyCommand {
    /// Write all that is held of a person as one JSON document
    ///
    /// The user, logins with their devices, invitations, keys, mails, roles and groups, and every entry of the trail that the person
    /// did or that was done to the person. Nothing secret is in it.
    #[command(after_long_help = PRIVACY_EXPORT_HELP)]
    Export {
        #[command(flatten)]
        person: PersonArgs,
        /// The file, which must not be there yet; without it, standard output
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Take a person out of everything that is held, for good
    ///
    /// The user stays under a name and an address that are nobody's, inactive; logins end, and links, mails, keys and the second
    /// factor are removed. The trail keeps what happened, tells no more who it was, and can still be verified. Backups and archived
    /// trails are files of yours: they keep what they hold. Refused for the last administrator of an organization.
    ///
    /// Connects with DATABASE_MIGRATION_URL where it is set: the server's own role may not change the trail.
    Erase {
        #[command(flatten)]
        person: PersonArgs,
        /// Say that you mean it
        #[arg(long)]
        confirm: bool,
    },
}

/// Who is meant.
#[derive(Debug, Args)]
pub struct PersonArgs {
    /// The slug of the person's organization
    #[arg(long, value_name = "SLUG")]
    pub organization: String,
    /// The person's address there
    #[arg(long)]
    pub email: String,
}

/// `lastro jobs`.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Name the jobs, how often each runs, and what it does
    List,
    /// Do one now, unless a node is at it
    Run {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// `lastro keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Sign with a new key from now on; nobody is logged out
    ///
    /// What the old key signed is accepted until it ends, and its public half stays published so long. Servers that run take the
    /// new key within a second.
    Rotate {
        /// Refuse what the old keys signed at once, as when one has leaked; sessions go on with their refresh tokens
        #[arg(long)]
        revoke: bool,
    },
    /// Seal every secret anew that was sealed under a former master key
    ///
    /// It can run while the servers do, and again. First start every server with the new key as LASTRO_MASTER_KEY and the former
    /// one in LASTRO_MASTER_KEY_PREVIOUS.
    #[command(after_long_help = ROTATE_MASTER_HELP)]
    RotateMaster,
}

const ROTATE_MASTER_HELP: &str = "\
STEPS
  1. Give every server both keys: the old one as LASTRO_MASTER_KEY, the new one in
     LASTRO_MASTER_KEY_PREVIOUS. Now each of them opens what any of them seals.
  2. Exchange the two, server by server: from here on everything is sealed under the new key.
  3. Run this command with the configuration of step 2. It says how many values it sealed anew.
  4. Once refresh tokens made before step 2 have ended (LASTRO_REFRESH_TOKEN_TTL), remove
     LASTRO_MASTER_KEY_PREVIOUS. Who has not come back by then logs in again.

EXIT STATUS
  0  everything is sealed under the current key
  1  something opens under no key that is here, or the database failed
  2  the configuration is invalid";

const ACCESS_EXPLAIN_HELP: &str = "\
EXAMPLES
  lastro access explain --user ana@padaria.example --permission FINANCE_INVOICE_APPROVE
  lastro access explain --user ana@padaria.example --permission FINANCE_INVOICE_APPROVE --object '{\"amount\": 5000}'";

/// `lastro access`.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Explain whether a user may use a permission, and by which role, group, module or package
    #[command(after_long_help = ACCESS_EXPLAIN_HELP)]
    Explain(AccessExplainArgs),
    /// Look for roles that nobody has, permissions that cannot be used, and conditions that never hold
    ///
    /// Changes nothing. Fails when it finds something.
    Lint(AccessLintArgs),
}

/// `lastro access explain`.
#[derive(Debug, Args)]
pub struct AccessExplainArgs {
    /// The user, by id or address
    #[arg(long, value_name = "ID|EMAIL")]
    pub user: String,
    /// The permission's code
    #[arg(long, value_name = "CODE")]
    pub permission: String,
    /// The object that conditions are decided on
    #[arg(long, value_name = "JSON")]
    pub object: Option<String>,
}

/// `lastro access lint`.
#[derive(Debug, Args)]
pub struct AccessLintArgs {
    /// Only this organization's; else everybody's
    #[arg(long, value_name = "SLUG")]
    pub organization: Option<String>,
}

/// `lastro usage`.
#[derive(Debug, Subcommand)]
pub enum UsageCommand {
    /// Recompute the sums of usage from its events, and the counters of quotas from the sums
    ///
    /// Says how many were compared and how many did not agree, and puts those right. It can run while the server does. Events are
    /// kept for 400 days: the sums of what was before are left as they are, and so is what the platform counts by itself.
    Rebuild(UsageRebuildArgs),
    /// Write the usage events of an organization, the oldest first
    ///
    /// However many there are, they are written as they are read. Times are in UTC.
    #[command(after_long_help = USAGE_EXPORT_HELP)]
    Export(UsageExportArgs),
}

/// `lastro usage rebuild`.
#[derive(Debug, Args)]
pub struct UsageRebuildArgs {
    /// Only this organization's; else everybody's
    #[arg(long, value_name = "SLUG")]
    pub organization: Option<String>,

    /// Change nothing, and fail when something does not agree
    #[arg(long)]
    pub check: bool,
}

/// `lastro usage export`.
#[derive(Debug, Args)]
pub struct UsageExportArgs {
    /// Whose
    #[arg(long, value_name = "SLUG")]
    pub organization: String,

    /// Only of this metric
    #[arg(long, value_name = "NAME")]
    pub metric: Option<String>,

    /// What occurred from then on, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<Timestamp>,

    /// What occurred before then
    #[arg(long, value_name = "INSTANT")]
    pub to: Option<Timestamp>,

    /// How they are written
    #[arg(long, value_enum, default_value_t = TableFormat::Ndjson)]
    pub format: TableFormat,

    /// Where to; to standard output if it is not said
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TableFormat {
    /// An object a line
    Ndjson,
    /// A table with a heading, for spreadsheets
    Csv,
}

/// `lastro admin`.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make an administrator of the platform, who may do everything in the platform organization
    ///
    /// Without --password one is drawn and printed this once.
    Create {
        /// The address to log in with
        #[arg(long)]
        email: String,
        /// The person's name
        #[arg(long, default_value = "Administrator")]
        name: String,
        /// The password to log in with; it is seen by whoever can list the processes of this machine
        #[arg(long)]
        password: Option<String>,
    },
    /// Give somebody another password, and end all their sessions and locks. A second factor stays
    ///
    /// Without --password one is drawn and printed this once.
    ResetPassword {
        /// The person's address
        #[arg(long)]
        email: String,
        /// The organization, by its slug
        #[arg(long, value_name = "SLUG", default_value = "platform")]
        organization: String,
        /// The new password; it is seen by whoever can list the processes of this machine
        #[arg(long)]
        password: Option<String>,
    },
}

/// `lastro users`.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Make users of an organization from a file, with the passwords that they have
    ///
    /// CSV with the columns name,email,passwordHash, or one JSON object with these fields a line. Hashes are PHC strings of
    /// Argon2, scrypt or PBKDF2, or bcrypt's own; a login replaces them. Every line is checked first, and every bad one is named;
    /// then all are made, or none.
    #[command(after_long_help = USERS_IMPORT_HELP)]
    Import {
        /// The file, .csv or .ndjson
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The organization, by its slug
        #[arg(long, value_name = "SLUG")]
        organization: String,
    },
}

/// `lastro backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Where the copy goes
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// `lastro restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file made by `lastro backup`
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Replace what the database holds
    #[arg(long)]
    pub force: bool,
}

/// `lastro completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}
