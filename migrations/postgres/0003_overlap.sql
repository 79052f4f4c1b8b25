-- Suggestions of overlapping work, the policy about them, and the index that finds them (and serves search).

ALTER TABLE mission ADD COLUMN overlap_policy TEXT;
ALTER TABLE kluster ADD COLUMN overlap_policy TEXT;

-- One row for each object that can be found. `terms` are the index terms as JSON, so that they can be taken out again.
CREATE TABLE search_document (
    document_no     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id UUID NOT NULL,
    mission_id      UUID NOT NULL,
    kluster_id      UUID,
    subject_kind    TEXT NOT NULL,
    subject_id      UUID NOT NULL UNIQUE,
    subject_key     TEXT,
    title           TEXT NOT NULL,
    body            TEXT NOT NULL,
    paths           TEXT NOT NULL,
    done            BOOLEAN NOT NULL,
    terms           TEXT NOT NULL,
    index_version   INTEGER NOT NULL,
    -- What is left to compare with: 0 nothing, 1 what was committed beside it, 2 everything.
    look            INTEGER NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX search_document_look_idx ON search_document (document_no) WHERE look > 0;
CREATE INDEX search_document_version_idx ON search_document (index_version, document_no);

-- The inverted index. `term` is salted with the organization; `mission` is taken from the mission's id (63 bits of it), to keep entries small.
CREATE TABLE search_posting (
    term        BIGINT NOT NULL,
    mission     BIGINT NOT NULL,
    document_no BIGINT NOT NULL,
    PRIMARY KEY (term, mission, document_no)
);

CREATE TABLE overlap_suggestion (
    suggestion_id        UUID PRIMARY KEY,
    organization_id      UUID NOT NULL REFERENCES organization (organization_id),
    subject_kind         TEXT NOT NULL,
    subject_id           UUID NOT NULL,
    subject_key          TEXT,
    subject_title        TEXT NOT NULL,
    mission_id           UUID NOT NULL REFERENCES mission (mission_id),
    candidate_kind       TEXT NOT NULL,
    candidate_id         UUID NOT NULL,
    candidate_key        TEXT,
    candidate_title      TEXT NOT NULL,
    candidate_mission_id UUID NOT NULL REFERENCES mission (mission_id),
    candidate_done       BOOLEAN NOT NULL,
    -- Thousandths.
    score                INTEGER NOT NULL CHECK (score BETWEEN 0 AND 1000),
    lexical              INTEGER NOT NULL CHECK (lexical BETWEEN 0 AND 1000),
    vector               INTEGER NOT NULL CHECK (vector BETWEEN 0 AND 1000),
    action               TEXT NOT NULL CHECK (action IN ('link', 'merge', 'wait', 'ignore')),
    evidence             TEXT NOT NULL,
    acknowledged         BOOLEAN NOT NULL,
    state                TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'dismissed', 'expired')),
    resolution           TEXT,
    note                 TEXT,
    decided_by           UUID,
    decided_at           BIGINT,
    version              BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    UNIQUE (subject_id, candidate_id)
);
CREATE INDEX overlap_suggestion_candidate_idx ON overlap_suggestion (candidate_id);
CREATE INDEX overlap_suggestion_mission_idx ON overlap_suggestion (mission_id, state, suggestion_id);
