-- Publications that failed or were withdrawn, deletions that are published, and what stands in Git since a restore.

ALTER TABLE publication DROP CONSTRAINT publication_state_check;
ALTER TABLE publication ADD CONSTRAINT publication_state_check
    CHECK (state IN ('awaiting_approval', 'queued', 'published', 'rejected', 'failed', 'withdrawn'));

-- The publication whose place this one takes.
ALTER TABLE publication ADD COLUMN replaces_id UUID;

ALTER TABLE publication_item ADD COLUMN operation TEXT NOT NULL DEFAULT 'write' CHECK (operation IN ('write', 'remove'));

-- Files that stood in the repository which this installation was rebuilt from.
CREATE TABLE restored_file (
    entity_id   TEXT NOT NULL,
    path        TEXT NOT NULL,
    entity_kind TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    meta        TEXT NOT NULL,
    PRIMARY KEY (entity_id, path)
);
