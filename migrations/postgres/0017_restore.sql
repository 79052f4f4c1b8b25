-- Whose files stood in the repository; the restore that has not ended.

ALTER TABLE restored_file ADD COLUMN organization_id UUID REFERENCES organization (organization_id);
UPDATE restored_file SET organization_id = (SELECT organization_id FROM organization WHERE name = 'default');
ALTER TABLE restored_file ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE restored_file DROP CONSTRAINT restored_file_pkey;
ALTER TABLE restored_file ADD PRIMARY KEY (organization_id, entity_id, path);

-- What it rebuilds is marked as deleted until all of it is there. `steps_done` of the steps of the plan are.
CREATE TABLE ledger_restore (
    ledger_restore_id INTEGER PRIMARY KEY CHECK (ledger_restore_id = 1),
    organization_id   UUID NOT NULL REFERENCES organization (organization_id),
    commit_id         TEXT NOT NULL,
    plan_sha256       TEXT NOT NULL,
    steps_done        BIGINT NOT NULL,
    holder            UUID NOT NULL,
    started_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
