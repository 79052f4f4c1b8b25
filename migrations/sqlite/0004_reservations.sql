-- Path reservations: who works on which files of a repository.

-- One row per repository that was ever reserved in: its lock orders reservations, its counter their line.
CREATE TABLE reservation_repository (
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    repository      TEXT NOT NULL,
    next_place      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, repository)
);

CREATE TABLE reservation (
    reservation_id  BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (organization_id),
    repository      TEXT NOT NULL,
    place           INTEGER NOT NULL,
    mission_id      BLOB NOT NULL REFERENCES mission (mission_id),
    task_id         BLOB REFERENCES task (task_id),
    session_id      BLOB REFERENCES agent_session (session_id),
    principal_id    BLOB NOT NULL REFERENCES principal (principal_id),
    mode            TEXT NOT NULL CHECK (mode IN ('exclusive', 'shared')),
    state           TEXT NOT NULL CHECK (state IN ('pending', 'active', 'released', 'expired', 'ended')),
    globs           TEXT NOT NULL,
    reason          TEXT,
    ttl_seconds     INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX reservation_open_idx ON reservation (organization_id, repository, place) WHERE state IN ('pending', 'active');
CREATE INDEX reservation_open_mission_idx ON reservation (mission_id, reservation_id) WHERE state IN ('pending', 'active');
CREATE INDEX reservation_open_expires_at_idx ON reservation (expires_at) WHERE state IN ('pending', 'active');
CREATE INDEX reservation_open_task_idx ON reservation (task_id) WHERE state IN ('pending', 'active') AND task_id IS NOT NULL;
CREATE INDEX reservation_open_session_idx ON reservation (session_id) WHERE state IN ('pending', 'active') AND session_id IS NOT NULL;
CREATE INDEX reservation_mission_idx ON reservation (mission_id, reservation_id);
