-- How many users an organization has: kept by whatever makes one, so that a list need not count them.
CREATE TABLE user_counts (
    organization_id uuid NOT NULL,
    count bigint NOT NULL,
    CONSTRAINT pk_user_counts PRIMARY KEY (organization_id),
    CONSTRAINT fk_user_counts__organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT ck_user_counts__count CHECK (count >= 0)
);
INSERT INTO user_counts (organization_id, count) SELECT organization_id, count(*) FROM users GROUP BY organization_id;
SELECT lastro_tenant_table('user_counts');
