-- Skill bundles, who has which skills, and profiles.

CREATE TABLE skill_bundle (
    skill_bundle_id UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    mission_id      UUID NOT NULL REFERENCES mission (mission_id),
    kluster_id      UUID REFERENCES kluster (kluster_id),
    number          BIGINT NOT NULL CHECK (number > 0),
    state           TEXT NOT NULL CHECK (state IN ('draft', 'published', 'deprecated')),
    sha256          TEXT NOT NULL,
    size_bytes      BIGINT NOT NULL,
    file_count      BIGINT NOT NULL,
    files           TEXT NOT NULL,
    removes         TEXT NOT NULL,
    note            TEXT NOT NULL,
    key_id          TEXT NOT NULL,
    signature       TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_by      UUID NOT NULL REFERENCES principal (principal_id),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX skill_bundle_mission_number_idx ON skill_bundle (mission_id, number) WHERE kluster_id IS NULL;
CREATE UNIQUE INDEX skill_bundle_kluster_number_idx ON skill_bundle (kluster_id, number) WHERE kluster_id IS NOT NULL;
CREATE INDEX skill_bundle_mission_idx ON skill_bundle (mission_id, skill_bundle_id);
CREATE INDEX skill_bundle_sha256_idx ON skill_bundle (mission_id, sha256);

CREATE TABLE skill_sync (
    skill_sync_id     UUID PRIMARY KEY,
    organization_id   UUID NOT NULL REFERENCES organization (organization_id),
    mission_id        UUID NOT NULL REFERENCES mission (mission_id),
    kluster_id        UUID REFERENCES kluster (kluster_id),
    principal_id      UUID NOT NULL REFERENCES principal (principal_id),
    session_id        UUID REFERENCES agent_session (session_id),
    place             TEXT NOT NULL,
    effective_version TEXT NOT NULL,
    sha256            TEXT NOT NULL,
    drift             TEXT NOT NULL,
    reported_at       BIGINT NOT NULL
);
CREATE UNIQUE INDEX skill_sync_place_idx ON skill_sync (principal_id, mission_id, place);
CREATE INDEX skill_sync_mission_idx ON skill_sync (mission_id, skill_sync_id);
CREATE INDEX skill_sync_session_idx ON skill_sync (session_id, skill_sync_id) WHERE session_id IS NOT NULL;

CREATE TABLE profile (
    profile_id      UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    owner_id        UUID NOT NULL REFERENCES principal (principal_id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    latest_version  BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);
CREATE UNIQUE INDEX profile_owner_name_idx ON profile (owner_id, name) WHERE deleted_at IS NULL;
CREATE INDEX profile_owner_idx ON profile (owner_id, profile_id);

CREATE TABLE profile_version (
    profile_id UUID NOT NULL REFERENCES profile (profile_id),
    number     BIGINT NOT NULL CHECK (number > 0),
    owner_id   UUID NOT NULL REFERENCES principal (principal_id),
    sha256     TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    files      TEXT NOT NULL,
    note       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (profile_id, number)
);
CREATE INDEX profile_version_sha256_idx ON profile_version (owner_id, sha256);
