-- How many organizations there are: kept by whatever makes one, so that a list need not count them.
CREATE TABLE organization_counts (
    slot INTEGER NOT NULL,
    count INTEGER NOT NULL,
    CONSTRAINT pk_organization_counts PRIMARY KEY (slot)
) STRICT, WITHOUT ROWID;
INSERT INTO organization_counts (slot, count) SELECT 0, count(*) FROM organizations HAVING count(*) > 0;
