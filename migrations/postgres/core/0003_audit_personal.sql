-- The names of the changed fields that tell something about a person: they are masked where that is asked for, and erased with
-- the person. A JSON array; null when there are none.
ALTER TABLE audit_entries ADD COLUMN personal json;
