-- How an organization that is not active came to be so. Of one that is, these say nothing: a node of the version before activates
-- without clearing them.

-- Since when it is not active: its rows are kept for a time from then on, whatever else is changed about it.
ALTER TABLE organizations ADD COLUMN deactivated_at INTEGER;
-- Since when nothing leaves for it in the background either: it is on its way to another database.
ALTER TABLE organizations ADD COLUMN frozen_at INTEGER;
-- The database that it went to.
ALTER TABLE organizations ADD COLUMN moved_to TEXT;
UPDATE organizations SET deactivated_at = updated_at WHERE is_active = 0;
