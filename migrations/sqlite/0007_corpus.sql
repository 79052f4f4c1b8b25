-- Texts of any length in the index: what of a doc or artifact stands behind its head, and the built-in vector beside each head.

ALTER TABLE search_document ADD COLUMN sketch BLOB;

-- The rest of a long text, cut at lines. The head is `search_document.body`, and entries of the index name the document only.
CREATE TABLE search_part (
    document_no INTEGER NOT NULL REFERENCES search_document (document_no) ON DELETE CASCADE,
    part        INTEGER NOT NULL CHECK (part > 0),
    -- Where it begins in the whole text: bytes from 0, lines from 1.
    at_byte     INTEGER NOT NULL,
    at_line     INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (document_no, part)
);
