-- Modules that a package got while organizations were on it. What comes with a module is made for them one after the other, behind the
-- edit, which itself is as large as itself. A module that leaves the package takes its row along.
CREATE TABLE package_rollouts (
    package_id BLOB NOT NULL,
    module_id BLOB NOT NULL,
    asked_at INTEGER NOT NULL,
    CONSTRAINT pk_package_rollouts PRIMARY KEY (package_id, module_id),
    CONSTRAINT fk_package_rollouts__package_id_module_id FOREIGN KEY (package_id, module_id)
        REFERENCES package_modules (package_id, module_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
