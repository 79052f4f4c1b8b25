-- Publications that failed or were withdrawn, deletions that are published, and what stands in Git since a restore.

DROP INDEX publication_queued_idx;
ALTER TABLE publication RENAME COLUMN state TO state_before;
ALTER TABLE publication ADD COLUMN state TEXT NOT NULL DEFAULT 'awaiting_approval'
    CHECK (state IN ('awaiting_approval', 'queued', 'published', 'rejected', 'failed', 'withdrawn'));
UPDATE publication SET state = state_before;
ALTER TABLE publication DROP COLUMN state_before;
CREATE INDEX publication_queued_idx ON publication (queued_at, publication_id) WHERE state = 'queued';

-- The publication whose place this one takes.
ALTER TABLE publication ADD COLUMN replaces_id BLOB;

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
