-- How many organizations there are: kept by whatever makes one, so that a list need not count them. In parts, so that two that are made
-- at the same time seldom wait for each other.
CREATE TABLE organization_counts (
    slot bigint NOT NULL,
    count bigint NOT NULL,
    CONSTRAINT pk_organization_counts PRIMARY KEY (slot)
);
INSERT INTO organization_counts (slot, count) SELECT 0, count(*) FROM organizations HAVING count(*) > 0;
SELECT lastro_global_table('organization_counts');
