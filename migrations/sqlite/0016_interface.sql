-- Tasks are counted by mission or kluster and state from this index alone.
CREATE INDEX task_count_idx ON task (mission_id, kluster_id, state) WHERE deleted_at IS NULL;

-- A node that is being drained takes nothing new; when its last session has ended, `drained_at` says so.
ALTER TABLE node ADD COLUMN draining BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE node ADD COLUMN drained_at INTEGER;

-- The mode that an agent works in, and those that it offers, as JSON.
ALTER TABLE agent_session ADD COLUMN mode TEXT;
ALTER TABLE agent_session ADD COLUMN modes TEXT;
