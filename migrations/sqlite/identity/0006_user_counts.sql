-- How many users an organization has: kept by whatever makes one, so that a list need not count them.
CREATE TABLE user_counts (
    organization_id BLOB NOT NULL,
    count INTEGER NOT NULL CONSTRAINT ck_user_counts__count CHECK (count >= 0),
    CONSTRAINT pk_user_counts PRIMARY KEY (organization_id),
    CONSTRAINT fk_user_counts__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id)
) STRICT, WITHOUT ROWID;
INSERT INTO user_counts (organization_id, count) SELECT organization_id, count(*) FROM users GROUP BY organization_id;
