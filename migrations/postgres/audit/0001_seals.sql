-- The chain of an organization's trail: each seal fixes the order and the content of a batch of entries, and of all before it.
CREATE TABLE audit_seals (
    organization_id uuid NOT NULL,
    sequence bigint NOT NULL,
    -- The seal before this one; 32 zeros for the first.
    previous bytea NOT NULL,
    -- The root of the Merkle tree over the batch's leaves.
    root bytea NOT NULL,
    count bigint NOT NULL,
    -- Whoever appends an entry with an id below this comes too late: the batch was sealed.
    low uuid NOT NULL,
    -- Which key outside the database made the seal.
    key_id text COLLATE "C" NOT NULL,
    seal bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (organization_id, sequence),
    CONSTRAINT ck_audit_seals__count CHECK (count > 0)
);
SELECT lastro_tenant_table('audit_seals', true);

-- The place of each entry in the chain.
CREATE TABLE audit_sealed (
    organization_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    sequence bigint NOT NULL,
    position bigint NOT NULL,
    -- What the commitments to personal values were made with; null once these were erased.
    salt bytea,
    commitments bytea NOT NULL,
    leaf bytea NOT NULL,
    CONSTRAINT pk_audit_sealed PRIMARY KEY (organization_id, entry_id),
    CONSTRAINT uq_audit_sealed__organization_id__sequence__position UNIQUE (organization_id, sequence, position),
    CONSTRAINT fk_audit_sealed__organization_id__sequence FOREIGN KEY (organization_id, sequence)
        REFERENCES audit_seals (organization_id, sequence)
);
SELECT lastro_tenant_table('audit_sealed', true);

-- Batches whose entries were written to a signed file and removed after their time.
CREATE TABLE audit_archives (
    organization_id uuid NOT NULL,
    -- The last batch in the file.
    sequence bigint NOT NULL,
    entries bigint NOT NULL,
    file text NOT NULL,
    digest bytea NOT NULL,
    signature bytea NOT NULL,
    archived_at timestamptz NOT NULL,
    CONSTRAINT pk_audit_archives PRIMARY KEY (organization_id, sequence)
);
SELECT lastro_tenant_table('audit_archives', true);
