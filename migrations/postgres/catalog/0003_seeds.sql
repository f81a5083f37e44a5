-- What was seeded last of each entry of the catalogue file. An entry is written when the file says something else than last time, so
-- that what an operator changed since then stays; one that is no longer in the file is known by it.
CREATE TABLE catalogue_seeds (
    kind text NOT NULL,
    code text COLLATE "C" NOT NULL,
    digest text NOT NULL,
    seeded_at timestamptz NOT NULL,
    CONSTRAINT pk_catalogue_seeds PRIMARY KEY (kind, code),
    CONSTRAINT ck_catalogue_seeds__kind CHECK (kind IN ('module', 'package'))
);
SELECT lastro_global_table('catalogue_seeds');

-- The catalogue file that an operator put in the place of the program's own: here, so that every node seeds from the same one.
CREATE TABLE catalogue_files (
    name text NOT NULL,
    content text NOT NULL,
    stored_at timestamptz NOT NULL,
    CONSTRAINT pk_catalogue_files PRIMARY KEY (name),
    CONSTRAINT ck_catalogue_files__name CHECK (name = 'catalog.toml')
);
SELECT lastro_global_table('catalogue_files');
