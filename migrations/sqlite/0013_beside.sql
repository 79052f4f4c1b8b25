-- What a text was compared with: only what was written beside it is compared later. `made_in` tells when it was written: the number that
-- the next document had then. What was written before `saw_before` was there when existing texts were read for it.
ALTER TABLE search_document ADD COLUMN made_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE search_document ADD COLUMN saw_before INTEGER NOT NULL DEFAULT 0;
CREATE INDEX search_document_made_idx ON search_document (organization_id, made_in, saw_before);
UPDATE search_document SET look = 2 WHERE look = 1;
