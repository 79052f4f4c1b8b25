-- Docs with their versions, artifacts directly in a kluster, workspaces.

CREATE TABLE doc (
    doc_id            UUID PRIMARY KEY,
    organization_id   UUID NOT NULL REFERENCES organization (organization_id),
    mission_id        UUID NOT NULL REFERENCES mission (mission_id),
    kluster_id        UUID REFERENCES kluster (kluster_id),
    name              TEXT NOT NULL,
    title             TEXT NOT NULL,
    media_type        TEXT NOT NULL,
    keystone          BOOLEAN NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('draft', 'published')),
    latest_version    BIGINT NOT NULL,
    published_version BIGINT,
    labels            TEXT NOT NULL,
    annotations       TEXT NOT NULL,
    version           BIGINT NOT NULL,
    created_by        UUID NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    deleted_at        BIGINT,
    CHECK (published_version <= latest_version),
    CHECK ((state = 'published') = (published_version IS NOT NULL AND published_version = latest_version))
);
CREATE UNIQUE INDEX doc_kluster_name_idx ON doc (kluster_id, name) WHERE kluster_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX doc_mission_name_idx ON doc (mission_id, name) WHERE kluster_id IS NULL AND deleted_at IS NULL;
CREATE INDEX doc_mission_idx ON doc (mission_id, doc_id);
CREATE INDEX doc_kluster_idx ON doc (kluster_id, doc_id);

CREATE TABLE doc_version (
    doc_id     UUID NOT NULL REFERENCES doc (doc_id),
    number     BIGINT NOT NULL CHECK (number > 0),
    mission_id UUID NOT NULL REFERENCES mission (mission_id),
    sha256     TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    note       TEXT NOT NULL,
    author_id  UUID NOT NULL REFERENCES principal (principal_id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (doc_id, number)
);
CREATE INDEX doc_version_sha256_idx ON doc_version (mission_id, sha256);

ALTER TABLE artifact ADD COLUMN kluster_id UUID REFERENCES kluster (kluster_id);
CREATE UNIQUE INDEX artifact_kluster_name_idx ON artifact (kluster_id, name) WHERE kluster_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX artifact_task_id_idx ON artifact (task_id, artifact_id) WHERE task_id IS NOT NULL;

CREATE TABLE workspace (
    workspace_id    UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    mission_id      UUID NOT NULL REFERENCES mission (mission_id),
    kluster_id      UUID NOT NULL REFERENCES kluster (kluster_id),
    principal_id    UUID NOT NULL REFERENCES principal (principal_id),
    label           TEXT NOT NULL,
    lease_seconds   BIGINT NOT NULL,
    lease_until     BIGINT NOT NULL,
    released_at     BIGINT,
    reason          TEXT,
    commits         BIGINT NOT NULL,
    paths           TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX workspace_kluster_idx ON workspace (kluster_id, workspace_id);
CREATE INDEX workspace_principal_id_idx ON workspace (principal_id, lease_until) WHERE released_at IS NULL;
CREATE INDEX workspace_lease_until_idx ON workspace (lease_until);
