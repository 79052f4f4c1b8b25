-- Which profile of an owner's is activated, and the version that one keeps to; who works in a workspace for its holder.
ALTER TABLE profile ADD COLUMN activated BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE profile ADD COLUMN pinned_version BIGINT;
CREATE UNIQUE INDEX profile_activated_idx ON profile (owner_id) WHERE activated AND deleted_at IS NULL;
ALTER TABLE workspace ADD COLUMN agent TEXT;
