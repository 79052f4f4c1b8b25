-- Planning: missions that pause, klusters with a capacity, task templates, owners of fields, tasks by external id.

ALTER TABLE mission ADD COLUMN paused BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE kluster ADD COLUMN max_running INTEGER CHECK (max_running BETWEEN 1 AND 10000);
-- What counts against a capacity.
CREATE INDEX task_busy_idx ON task (kluster_id) WHERE state IN ('claimed', 'running') AND deleted_at IS NULL;

CREATE TABLE task_template (
    task_template_id UUID PRIMARY KEY,
    organization_id  UUID NOT NULL REFERENCES organization (organization_id),
    mission_id       UUID NOT NULL REFERENCES mission (mission_id),
    name             TEXT NOT NULL,
    latest_version   BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    created_by       UUID NOT NULL REFERENCES principal (principal_id),
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    deleted_at       BIGINT
);
CREATE UNIQUE INDEX task_template_name_idx ON task_template (mission_id, name) WHERE deleted_at IS NULL;
CREATE INDEX task_template_mission_idx ON task_template (mission_id, task_template_id);

-- A version never changes.
CREATE TABLE task_template_version (
    task_template_id UUID NOT NULL REFERENCES task_template (task_template_id),
    number           BIGINT NOT NULL CHECK (number > 0),
    body             TEXT NOT NULL,
    author_id        UUID NOT NULL REFERENCES principal (principal_id),
    created_at       BIGINT NOT NULL,
    PRIMARY KEY (task_template_id, number)
);

-- Which manager of fields last set which fields of an object.
CREATE TABLE field_owner (
    subject_id      TEXT NOT NULL,
    field           TEXT NOT NULL,
    manager         TEXT NOT NULL,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    mission_id      UUID NOT NULL REFERENCES mission (mission_id),
    operation       TEXT NOT NULL CHECK (operation IN ('apply', 'update')),
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (subject_id, field, manager)
);

-- Tasks that came from elsewhere, by their id there.
CREATE TABLE task_external (
    mission_id      UUID NOT NULL REFERENCES mission (mission_id),
    source          TEXT NOT NULL,
    external_id     TEXT NOT NULL,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    task_id         UUID NOT NULL REFERENCES task (task_id),
    row_sha256      TEXT NOT NULL,
    imported_at     BIGINT NOT NULL,
    PRIMARY KEY (mission_id, source, external_id)
);
CREATE INDEX task_external_task_id_idx ON task_external (task_id);
