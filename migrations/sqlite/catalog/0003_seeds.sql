-- What was seeded last of each entry of the catalogue file. An entry is written when the file says something else than last time, so
-- that what an operator changed since then stays; one that is no longer in the file is known by it.
CREATE TABLE catalogue_seeds (
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    digest TEXT NOT NULL,
    seeded_at INTEGER NOT NULL,
    CONSTRAINT pk_catalogue_seeds PRIMARY KEY (kind, code),
    CONSTRAINT ck_catalogue_seeds__kind CHECK (kind IN ('module', 'package'))
) STRICT, WITHOUT ROWID;

-- The catalogue file that an operator put in the place of the program's own: here, so that every node seeds from the same one.
CREATE TABLE catalogue_files (
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    CONSTRAINT pk_catalogue_files PRIMARY KEY (name),
    CONSTRAINT ck_catalogue_files__name CHECK (name = 'catalog.toml')
) STRICT, WITHOUT ROWID;
