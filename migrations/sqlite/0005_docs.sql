-- Docs with their versions, artifacts directly in a kluster, workspaces.

CREATE TABLE doc (
    doc_id            BLOB NOT NULL PRIMARY KEY,
    organization_id   BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id        BLOB NOT NULL REFERENCES mission (mission_id),
    kluster_id        BLOB REFERENCES kluster (kluster_id),
    name              TEXT NOT NULL,
    title             TEXT NOT NULL,
    media_type        TEXT NOT NULL,
    keystone          BOOLEAN NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('draft', 'published')),
    latest_version    INTEGER NOT NULL,
    published_version INTEGER,
    labels            TEXT NOT NULL,
    annotations       TEXT NOT NULL,
    version           INTEGER NOT NULL,
    created_by        BLOB NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    CHECK (published_version <= latest_version),
    CHECK ((state = 'published') = (published_version IS NOT NULL AND published_version = latest_version))
);
CREATE UNIQUE INDEX doc_kluster_name_idx ON doc (kluster_id, name) WHERE kluster_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX doc_mission_name_idx ON doc (mission_id, name) WHERE kluster_id IS NULL AND deleted_at IS NULL;
CREATE INDEX doc_mission_idx ON doc (mission_id, doc_id);
CREATE INDEX doc_kluster_idx ON doc (kluster_id, doc_id);

CREATE TABLE doc_version (
    doc_id     BLOB NOT NULL REFERENCES doc (doc_id),
    number     INTEGER NOT NULL CHECK (number > 0),
    mission_id BLOB NOT NULL REFERENCES mission (mission_id),
    sha256     TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    note       TEXT NOT NULL,
    author_id  BLOB NOT NULL REFERENCES principal (principal_id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (doc_id, number)
);
CREATE INDEX doc_version_sha256_idx ON doc_version (mission_id, sha256);

ALTER TABLE artifact ADD COLUMN kluster_id BLOB REFERENCES kluster (kluster_id);
CREATE UNIQUE INDEX artifact_kluster_name_idx ON artifact (kluster_id, name) WHERE kluster_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX artifact_task_id_idx ON artifact (task_id, artifact_id) WHERE task_id IS NOT NULL;

CREATE TABLE workspace (
    workspace_id    BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    kluster_id      BLOB NOT NULL REFERENCES kluster (kluster_id),
    principal_id    BLOB NOT NULL REFERENCES principal (principal_id),
    label           TEXT NOT NULL,
    lease_seconds   INTEGER NOT NULL,
    lease_until     INTEGER NOT NULL,
    released_at     INTEGER,
    reason          TEXT,
    commits         INTEGER NOT NULL,
    paths           TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE INDEX workspace_kluster_idx ON workspace (kluster_id, workspace_id);
CREATE INDEX workspace_principal_id_idx ON workspace (principal_id, lease_until) WHERE released_at IS NULL;
CREATE INDEX workspace_lease_until_idx ON workspace (lease_until);
