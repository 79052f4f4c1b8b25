-- Whose files stood in the repository; the restore that has not ended.

ALTER TABLE restored_file RENAME TO restored_file_before;
CREATE TABLE restored_file (
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    entity_id       TEXT NOT NULL,
    path            TEXT NOT NULL,
    entity_kind     TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    meta            TEXT NOT NULL,
    PRIMARY KEY (organization_id, entity_id, path)
);
INSERT INTO restored_file (organization_id, entity_id, path, entity_kind, sha256, meta)
    SELECT o.organization_id, f.entity_id, f.path, f.entity_kind, f.sha256, f.meta
    FROM restored_file_before f JOIN organization o ON o.name = 'default';
DROP TABLE restored_file_before;

-- What it rebuilds is marked as deleted until all of it is there. `steps_done` of the steps of the plan are.
CREATE TABLE ledger_restore (
    ledger_restore_id INTEGER NOT NULL PRIMARY KEY CHECK (ledger_restore_id = 1),
    organization_id   BLOB NOT NULL REFERENCES organization (organization_id),
    commit_id         TEXT NOT NULL,
    plan_sha256       TEXT NOT NULL,
    steps_done        INTEGER NOT NULL,
    holder            BLOB NOT NULL,
    started_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
);
