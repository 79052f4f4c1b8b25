-- The mesh: nodes, the tokens they join with, agent sessions, their turns, events and permissions, and commands.

CREATE TABLE join_token (
    join_token_id   BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    secret_sha256   TEXT NOT NULL,
    node_name       TEXT,
    uses            INTEGER NOT NULL,
    used            INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    revoked_at      INTEGER,
    created_by      BLOB NOT NULL REFERENCES principal (principal_id),
    created_at      INTEGER NOT NULL
);

CREATE TABLE node (
    node_id         BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    name            TEXT NOT NULL,
    principal_id    BLOB NOT NULL REFERENCES principal (principal_id),
    join_token_id   BLOB NOT NULL REFERENCES join_token (join_token_id),
    public_key      TEXT NOT NULL UNIQUE,
    cordoned        BOOLEAN NOT NULL,
    facts           TEXT NOT NULL,
    conn_seq        INTEGER NOT NULL,
    command_seq     INTEGER NOT NULL,
    lease_until     INTEGER NOT NULL,
    reported_ready  BOOLEAN NOT NULL,
    last_seen_at    INTEGER NOT NULL,
    revoked_at      INTEGER,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX node_name_idx ON node (organization_id, name) WHERE revoked_at IS NULL;

CREATE TABLE agent_session (
    session_id      BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    task_id         BLOB REFERENCES task (task_id),
    task_attempt    INTEGER,
    is_unattended   BOOLEAN NOT NULL,
    principal_id    BLOB NOT NULL REFERENCES principal (principal_id),
    runtime         TEXT NOT NULL,
    cwd             TEXT NOT NULL,
    node_id         BLOB REFERENCES node (node_id),
    wanted          TEXT NOT NULL CHECK (wanted IN ('running', 'stopped')),
    on_interrupt    TEXT NOT NULL CHECK (on_interrupt IN ('hold', 'continue_note')),
    generation      INTEGER NOT NULL,
    observed_generation INTEGER NOT NULL,
    fence           INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('starting', 'idle', 'running', 'requires_action', 'recovering', 'stopped', 'failed')),
    reason          TEXT,
    agent_pid       INTEGER,
    epoch           INTEGER NOT NULL,
    agent_session   TEXT,
    acked_seq       INTEGER NOT NULL,
    turn_count      INTEGER NOT NULL,
    labels          TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_by      BLOB NOT NULL REFERENCES principal (principal_id),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE INDEX agent_session_mission_idx ON agent_session (mission_id, session_id);
CREATE INDEX agent_session_node_idx ON agent_session (node_id) WHERE state NOT IN ('stopped', 'failed');
CREATE INDEX agent_session_unscheduled_idx ON agent_session (session_id) WHERE node_id IS NULL;
CREATE INDEX agent_session_task_idx ON agent_session (task_id, task_attempt) WHERE task_id IS NOT NULL;
CREATE INDEX agent_session_principal_idx ON agent_session (principal_id);

CREATE TABLE turn (
    turn_id         BLOB NOT NULL PRIMARY KEY,
    session_id      BLOB NOT NULL REFERENCES agent_session (session_id),
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    number          INTEGER NOT NULL,
    op_id           TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled', 'interrupted', 'failed')),
    prompt          TEXT NOT NULL,
    stop_reason     TEXT,
    message         TEXT NOT NULL,
    first_seq       INTEGER,
    last_seq        INTEGER,
    requester_id    BLOB NOT NULL REFERENCES principal (principal_id),
    settled_at      INTEGER,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (session_id, number),
    UNIQUE (session_id, op_id)
);
CREATE INDEX turn_unsettled_idx ON turn (turn_id) WHERE settled_at IS NULL;

CREATE TABLE session_event (
    session_id BLOB NOT NULL REFERENCES agent_session (session_id),
    seq        INTEGER NOT NULL,
    seq_hi     INTEGER NOT NULL,
    record     INTEGER NOT NULL,
    flags      INTEGER NOT NULL,
    wall_us    INTEGER NOT NULL,
    kind       TEXT,
    payload    BLOB NOT NULL,
    crc        INTEGER NOT NULL,
    PRIMARY KEY (session_id, seq)
);

CREATE TABLE session_permission (
    session_id  BLOB NOT NULL REFERENCES agent_session (session_id),
    permission  TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    approval_id BLOB NOT NULL REFERENCES approval (approval_id),
    options     TEXT NOT NULL,
    PRIMARY KEY (session_id, permission)
);
CREATE UNIQUE INDEX session_permission_approval_idx ON session_permission (approval_id);

CREATE TABLE node_command (
    node_id    BLOB NOT NULL REFERENCES node (node_id),
    node_seq   INTEGER NOT NULL,
    op_id      TEXT NOT NULL UNIQUE,
    session_id BLOB NOT NULL REFERENCES agent_session (session_id),
    actor      TEXT NOT NULL,
    op         BLOB NOT NULL,
    code       TEXT,
    at_seq     INTEGER,
    created_at INTEGER NOT NULL,
    done_at    INTEGER,
    PRIMARY KEY (node_id, node_seq)
);
CREATE INDEX node_command_open_idx ON node_command (node_id, node_seq) WHERE done_at IS NULL;
CREATE INDEX node_command_session_idx ON node_command (session_id, node_seq);
