-- Publication to other repositories: connections, bindings, policies, what a publication contains, leases of executors.

CREATE TABLE seal_key (
    key_id     TEXT PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE git_connection (
    connection_id   UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    name            TEXT NOT NULL,
    connection_kind TEXT NOT NULL CHECK (connection_kind IN ('local', 'https', 'ssh')),
    url             TEXT NOT NULL,
    username        TEXT,
    credential_kind TEXT NOT NULL CHECK (credential_kind IN ('none', 'token', 'password', 'ssh_key')),
    seal_key_id     TEXT,
    sealed          BYTEA,
    ca_certificate  TEXT,
    host_key        TEXT,
    labels          TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_by      UUID NOT NULL REFERENCES principal (principal_id),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    CHECK ((credential_kind = 'none') = (sealed IS NULL)),
    CHECK ((seal_key_id IS NULL) = (sealed IS NULL))
);
CREATE UNIQUE INDEX git_connection_name_idx ON git_connection (organization_id, name);

CREATE TABLE git_binding (
    binding_id      UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    mission_id      UUID NOT NULL REFERENCES mission (mission_id),
    connection_id   UUID NOT NULL REFERENCES git_connection (connection_id),
    name            TEXT NOT NULL,
    repository      TEXT NOT NULL,
    branch          TEXT NOT NULL,
    base_path       TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_by      UUID NOT NULL REFERENCES principal (principal_id),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX git_binding_name_idx ON git_binding (mission_id, name);
CREATE UNIQUE INDEX git_binding_place_idx ON git_binding (connection_id, repository, branch, base_path);

CREATE TABLE publication_policy (
    mission_id      UUID PRIMARY KEY REFERENCES mission (mission_id),
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    default_binding TEXT,
    fail_closed     BOOLEAN NOT NULL,
    routes          TEXT NOT NULL,
    version         BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

ALTER TABLE publication ADD COLUMN binding_id UUID REFERENCES git_binding (binding_id);
ALTER TABLE publication ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE publication ADD COLUMN last_error TEXT;
ALTER TABLE publication ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE publication ADD COLUMN task_numbers_below BIGINT NOT NULL DEFAULT 0;
ALTER TABLE publication ADD COLUMN next_attempt_at BIGINT;
CREATE INDEX publication_binding_idx ON publication (binding_id, ledger_to) WHERE binding_id IS NOT NULL;

-- What was asked for, as it was then: the executor writes this and nothing else. The content goes once it is in Git.
CREATE TABLE publication_item (
    publication_id UUID NOT NULL REFERENCES publication (publication_id),
    position       BIGINT NOT NULL,
    entity_kind    TEXT NOT NULL,
    entity_id      TEXT NOT NULL,
    entity_version BIGINT NOT NULL,
    ledger_ordinal BIGINT NOT NULL,
    path           TEXT NOT NULL,
    format         TEXT NOT NULL CHECK (format IN ('markdown', 'yaml', 'json')),
    sha256         TEXT NOT NULL,
    meta           TEXT NOT NULL,
    content        TEXT,
    PRIMARY KEY (publication_id, position)
);
CREATE INDEX publication_item_entity_idx ON publication_item (entity_id);

CREATE TABLE publication_lease (
    target TEXT PRIMARY KEY,
    holder UUID NOT NULL,
    until  BIGINT NOT NULL
);

-- That this installation was rebuilt, and from which chain; at most one row.
CREATE TABLE ledger_origin (
    ledger_origin_id INTEGER PRIMARY KEY CHECK (ledger_origin_id = 1),
    commit_id        TEXT NOT NULL,
    seq              BIGINT NOT NULL,
    hash             TEXT NOT NULL,
    restored_at      BIGINT NOT NULL
);
