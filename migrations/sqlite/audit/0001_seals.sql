-- The chain of an organization's trail: each seal fixes the order and the content of a batch of entries, and of all before it.
CREATE TABLE audit_seals (
    organization_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    -- The seal before this one; 32 zeros for the first.
    previous BLOB NOT NULL,
    -- The root of the Merkle tree over the batch's leaves.
    root BLOB NOT NULL,
    count INTEGER NOT NULL,
    -- Whoever appends an entry with an id below this comes too late: the batch was sealed.
    low BLOB NOT NULL,
    -- Which key outside the database made the seal.
    key_id TEXT NOT NULL,
    seal BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (organization_id, sequence),
    CONSTRAINT ck_audit_seals__count CHECK (count > 0)
) STRICT, WITHOUT ROWID;

-- The place of each entry in the chain.
CREATE TABLE audit_sealed (
    organization_id BLOB NOT NULL,
    entry_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    position INTEGER NOT NULL,
    -- What the commitments to personal values were made with; null once these were erased.
    salt BLOB,
    commitments BLOB NOT NULL,
    leaf BLOB NOT NULL,
    CONSTRAINT pk_audit_sealed PRIMARY KEY (organization_id, entry_id),
    CONSTRAINT uq_audit_sealed__organization_id__sequence__position UNIQUE (organization_id, sequence, position),
    CONSTRAINT fk_audit_sealed__organization_id__sequence FOREIGN KEY (organization_id, sequence)
        REFERENCES audit_seals (organization_id, sequence)
) STRICT, WITHOUT ROWID;

-- Batches whose entries were written to a signed file and removed after their time.
CREATE TABLE audit_archives (
    organization_id BLOB NOT NULL,
    -- The last batch in the file.
    sequence INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    file TEXT NOT NULL,
    digest BLOB NOT NULL,
    signature BLOB NOT NULL,
    archived_at INTEGER NOT NULL,
    CONSTRAINT pk_audit_archives PRIMARY KEY (organization_id, sequence)
) STRICT, WITHOUT ROWID;

-- Append-only: what PostgreSQL does by withholding the rights.
CREATE TRIGGER tr_audit_seals__no_update BEFORE UPDATE ON audit_seals
BEGIN
    SELECT raise(ABORT, 'audit seals are append-only');
END;
CREATE TRIGGER tr_audit_seals__no_delete BEFORE DELETE ON audit_seals
BEGIN
    SELECT raise(ABORT, 'audit seals are append-only');
END;
CREATE TRIGGER tr_audit_sealed__no_update BEFORE UPDATE ON audit_sealed
BEGIN
    SELECT raise(ABORT, 'audit seals are append-only');
END;
CREATE TRIGGER tr_audit_sealed__no_delete BEFORE DELETE ON audit_sealed
BEGIN
    SELECT raise(ABORT, 'audit seals are append-only');
END;
