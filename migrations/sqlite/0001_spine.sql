-- The spine: principals, missions, klusters, tasks, artifacts, approvals, publications, ledger.
-- Times are whole microseconds since the Unix epoch, so that both databases return what was written.

CREATE TABLE organization (
    organization_id BLOB NOT NULL PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL
);

CREATE TABLE keyring (
    key_id     TEXT NOT NULL PRIMARY KEY,
    purpose    TEXT NOT NULL CHECK (purpose IN ('approval', 'cursor', 'authority', 'command', 'nonce')),
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE principal (
    principal_id    BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('bootstrap', 'user', 'agent', 'node', 'service_account')),
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE token (
    token_id        BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    principal_id    BLOB NOT NULL REFERENCES principal (principal_id),
    kind            TEXT NOT NULL CHECK (kind IN ('bootstrap', 'login', 'grant')),
    mission_id      BLOB,
    session_id      BLOB,
    task_id         BLOB,
    attempt         INTEGER,
    token_sha256    TEXT NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    revoked_at      INTEGER,
    CHECK ((task_id IS NULL) = (attempt IS NULL))
);
CREATE INDEX token_grant_expires_at_idx ON token (expires_at) WHERE kind = 'grant';
CREATE INDEX token_grant_session_id_idx ON token (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE idempotency (
    principal_id BLOB NOT NULL,
    route        TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_sha256  TEXT NOT NULL,
    answer       TEXT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (principal_id, route, idempotency_key)
);
CREATE INDEX idempotency_created_at_idx ON idempotency (created_at);

CREATE TABLE mission (
    mission_id      BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    key_prefix      TEXT NOT NULL,
    next_number     INTEGER NOT NULL,
    labels          TEXT NOT NULL,
    annotations     TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_by      BLOB NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER,
    UNIQUE (organization_id, key_prefix)
);
CREATE UNIQUE INDEX mission_name_idx ON mission (organization_id, name) WHERE deleted_at IS NULL;

CREATE TABLE role_binding (
    principal_id    BLOB NOT NULL REFERENCES principal (principal_id),
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB REFERENCES mission (mission_id),
    role            TEXT NOT NULL CHECK (role IN ('viewer', 'contributor', 'admin'))
);
CREATE UNIQUE INDEX role_binding_organization_idx ON role_binding (principal_id, organization_id) WHERE mission_id IS NULL;
CREATE UNIQUE INDEX role_binding_mission_idx ON role_binding (principal_id, mission_id) WHERE mission_id IS NOT NULL;

CREATE TABLE kluster (
    kluster_id      BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    runtime         TEXT,
    labels          TEXT NOT NULL,
    annotations     TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_by      BLOB NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER
);
CREATE UNIQUE INDEX kluster_name_idx ON kluster (mission_id, name) WHERE deleted_at IS NULL;

CREATE TABLE task (
    task_id               BLOB NOT NULL PRIMARY KEY,
    organization_id       BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id            BLOB NOT NULL REFERENCES mission (mission_id),
    kluster_id            BLOB NOT NULL REFERENCES kluster (kluster_id),
    parent_id             BLOB REFERENCES task (task_id),
    task_key              TEXT NOT NULL,
    name                  TEXT,
    title                 TEXT NOT NULL,
    description           TEXT NOT NULL,
    definition_of_done    TEXT NOT NULL,
    state                 TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'claimed', 'running', 'in_review', 'done', 'blocked', 'failed', 'cancelled')),
    reason                TEXT,
    priority              INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 100),
    runtime               TEXT,
    capabilities          TEXT NOT NULL,
    paths                 TEXT NOT NULL,
    open_dependency_count INTEGER NOT NULL CHECK (open_dependency_count >= 0),
    on_dependency_failure TEXT NOT NULL CHECK (on_dependency_failure IN ('block', 'cancel', 'ignore')),
    review_gates          INTEGER NOT NULL,
    reviewers             TEXT NOT NULL,
    attempt               INTEGER NOT NULL,
    max_attempts          INTEGER NOT NULL,
    progress_percent      INTEGER,
    progress_note         TEXT,
    result_artifact_id    BLOB,
    result                TEXT,
    labels                TEXT NOT NULL,
    annotations           TEXT NOT NULL,
    version               INTEGER NOT NULL,
    created_by            BLOB NOT NULL,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    deleted_at            INTEGER,
    UNIQUE (organization_id, task_key)
);
CREATE UNIQUE INDEX task_name_idx ON task (kluster_id, name) WHERE name IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX task_mission_idx ON task (mission_id, task_id);
CREATE INDEX task_kluster_idx ON task (kluster_id, task_id);
CREATE INDEX task_ready_idx ON task (organization_id, priority DESC, task_id) WHERE state = 'ready' AND deleted_at IS NULL;

CREATE TABLE task_dependency (
    task_id       BLOB NOT NULL REFERENCES task (task_id),
    depends_on_id BLOB NOT NULL REFERENCES task (task_id),
    PRIMARY KEY (task_id, depends_on_id)
);
CREATE INDEX task_dependency_depends_on_id_idx ON task_dependency (depends_on_id);

CREATE TABLE task_claim (
    task_id      BLOB NOT NULL REFERENCES task (task_id),
    attempt      INTEGER NOT NULL,
    principal_id BLOB NOT NULL REFERENCES principal (principal_id),
    state        TEXT NOT NULL CHECK (state IN ('active', 'expired', 'released', 'ended', 'superseded')),
    lease_until  INTEGER NOT NULL,
    claimed_at   INTEGER NOT NULL,
    PRIMARY KEY (task_id, attempt)
);
CREATE INDEX task_claim_lease_until_idx ON task_claim (lease_until) WHERE state = 'active';

CREATE TABLE artifact (
    artifact_id     BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    task_id         BLOB REFERENCES task (task_id),
    name            TEXT NOT NULL,
    media_type      TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    size_bytes      INTEGER NOT NULL,
    labels          TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_by      BLOB NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER
);
CREATE INDEX artifact_mission_idx ON artifact (mission_id, artifact_id);
CREATE INDEX artifact_sha256_idx ON artifact (mission_id, sha256);

CREATE TABLE approval (
    approval_id     BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    kind            TEXT NOT NULL CHECK (kind IN ('publish', 'agent_permission')),
    state           TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'expired', 'voided', 'executed')),
    title           TEXT NOT NULL,
    action          TEXT NOT NULL,
    action_sha256   TEXT NOT NULL,
    execute         TEXT NOT NULL CHECK (execute IN ('on_approval', 'by_requester')),
    requester_id    BLOB NOT NULL REFERENCES principal (principal_id),
    decider_id      BLOB REFERENCES principal (principal_id),
    note            TEXT,
    self_approved   BOOLEAN NOT NULL,
    nonce           TEXT NOT NULL,
    token_expires_at INTEGER,
    decided_at      INTEGER,
    expires_at      INTEGER NOT NULL,
    outcome         TEXT,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE INDEX approval_open_idx ON approval (expires_at) WHERE state = 'open';
CREATE INDEX approval_mission_idx ON approval (mission_id, approval_id);

CREATE TABLE publication (
    publication_id  BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    state           TEXT NOT NULL CHECK (state IN ('awaiting_approval', 'queued', 'published', 'rejected')),
    message         TEXT NOT NULL,
    approval_id     BLOB NOT NULL UNIQUE REFERENCES approval (approval_id),
    ledger_from     INTEGER,
    ledger_to       INTEGER,
    commit_id       TEXT,
    requester_id    BLOB NOT NULL REFERENCES principal (principal_id),
    queued_at       INTEGER,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE INDEX publication_queued_idx ON publication (queued_at, publication_id) WHERE state = 'queued';
CREATE INDEX publication_mission_idx ON publication (mission_id, publication_id);

CREATE TABLE publication_artifact (
    publication_id BLOB NOT NULL REFERENCES publication (publication_id),
    artifact_id    BLOB NOT NULL REFERENCES artifact (artifact_id),
    PRIMARY KEY (publication_id, artifact_id)
);
CREATE INDEX publication_artifact_artifact_idx ON publication_artifact (artifact_id);

CREATE TABLE ledger_event (
    ordinal         INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        BLOB NOT NULL UNIQUE,
    organization_id BLOB NOT NULL,
    mission_id      BLOB,
    action          TEXT NOT NULL,
    subject_kind    TEXT NOT NULL,
    subject_id      TEXT NOT NULL,
    principal_id    BLOB NOT NULL,
    request_id      TEXT NOT NULL,
    occurred_at     INTEGER NOT NULL,
    body            TEXT NOT NULL,
    body_sha256     TEXT NOT NULL,
    seq             INTEGER UNIQUE,
    prev            TEXT,
    hash            TEXT
);
CREATE INDEX ledger_event_unsealed_idx ON ledger_event (ordinal) WHERE seq IS NULL;
CREATE INDEX ledger_event_subject_idx ON ledger_event (subject_id, seq);
CREATE INDEX ledger_event_mission_idx ON ledger_event (mission_id, seq);

CREATE TABLE ledger_head (
    ledger_head_id INTEGER PRIMARY KEY CHECK (ledger_head_id = 1),
    seq            INTEGER NOT NULL,
    hash           TEXT NOT NULL
);
INSERT INTO ledger_head (ledger_head_id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
