-- Packs: which missions came from one, and who made what where it came from.

CREATE TABLE mission_pack (
    mission_id      UUID PRIMARY KEY REFERENCES mission (mission_id),
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    sha256          TEXT NOT NULL,
    imported_by     UUID NOT NULL REFERENCES principal (principal_id),
    imported_at     BIGINT NOT NULL
);
CREATE INDEX mission_pack_sha256_idx ON mission_pack (organization_id, sha256);

-- The subject is an id, for a version of a doc or template with /NUMBER behind it.
CREATE TABLE pack_origin (
    subject_id      TEXT PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (organization_id),
    mission_id      UUID NOT NULL REFERENCES mission (mission_id),
    original_id     TEXT NOT NULL,
    made_by         TEXT NOT NULL
);
CREATE INDEX pack_origin_mission_id_idx ON pack_origin (mission_id, subject_id);
