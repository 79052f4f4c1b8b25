-- Vectors of what can be found, by the model that made them: f32, little-endian, of unit length.

CREATE TABLE embedding_model (
    model_no    INTEGER PRIMARY KEY AUTOINCREMENT,
    provider    TEXT NOT NULL CHECK (provider IN ('builtin', 'local', 'openai')),
    model       TEXT NOT NULL,
    dimensions  INTEGER NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    -- When every text had its vector for the first time; until then the model before still serves.
    complete_at INTEGER,
    created_at  INTEGER NOT NULL,
    UNIQUE (provider, model, dimensions)
);

-- What all control planes of this database index with: the one that started last decides. One of them at a time does the work.
CREATE TABLE embedding_target (
    embedding_target_id INTEGER PRIMARY KEY CHECK (embedding_target_id = 1),
    provider            TEXT NOT NULL,
    model               TEXT NOT NULL,
    since               INTEGER NOT NULL,
    holder              TEXT NOT NULL,
    held_until          INTEGER NOT NULL
);

-- The model whose vector of the present text is there; 0: none yet; negative: the model that cannot embed it.
ALTER TABLE search_document ADD COLUMN embedded_by INTEGER NOT NULL DEFAULT 0;
CREATE INDEX search_document_embedded_idx ON search_document (embedded_by, document_no);

-- Cells of near vectors, for SQLite; on Postgres HNSW does that work and this stays empty.
CREATE TABLE search_cell (
    cell_no         INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id BLOB NOT NULL,
    model_no        INTEGER NOT NULL REFERENCES embedding_model (model_no),
    centroid        BLOB NOT NULL
);
CREATE INDEX search_cell_model_idx ON search_cell (model_no, organization_id);

-- `mission` is taken from the mission's id as in search_posting; `sketch` are signs of the rotated vector, for SQLite.
CREATE TABLE search_vector (
    document_no     INTEGER NOT NULL REFERENCES search_document (document_no) ON DELETE CASCADE,
    model_no        INTEGER NOT NULL REFERENCES embedding_model (model_no),
    organization_id BLOB NOT NULL,
    mission         INTEGER NOT NULL,
    subject_kind    TEXT NOT NULL,
    text_sha256     TEXT NOT NULL,
    embedding       BLOB NOT NULL,
    cell_no         INTEGER,
    sketch          BLOB,
    PRIMARY KEY (document_no, model_no)
);
CREATE INDEX search_vector_mission_idx ON search_vector (model_no, mission, subject_kind, document_no, sketch);
CREATE INDEX search_vector_cell_idx ON search_vector (cell_no, mission, subject_kind, document_no, sketch) WHERE cell_no IS NOT NULL;

-- Tokens that were asked of an endpoint, by the hour.
CREATE TABLE embedding_spend (
    hour_at INTEGER PRIMARY KEY,
    tokens  INTEGER NOT NULL
);

-- The model whose vectors the score of a suggestion comes from; 0: built-in.
ALTER TABLE overlap_suggestion ADD COLUMN judged_by INTEGER NOT NULL DEFAULT 0;
