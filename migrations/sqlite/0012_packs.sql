-- What a lookup reads of a cell, in one row: for each vector its document, mission, kind and signs. See embeddings/pack.rs.
CREATE TABLE search_cell_pack (
    cell_no INTEGER NOT NULL PRIMARY KEY REFERENCES search_cell (cell_no) ON DELETE CASCADE,
    packing INTEGER NOT NULL,
    entries BLOB NOT NULL
);

-- Which vectors a cell has; what is read of them stands in the pack.
DROP INDEX search_vector_cell_idx;
CREATE INDEX search_vector_cell_idx ON search_vector (cell_no) WHERE cell_no IS NOT NULL;
