-- Every text is of one organization as long as there is only one: an index that begins with it is taken for what it is not.
DROP INDEX search_document_made_idx;
CREATE INDEX search_document_made_idx ON search_document (made_in, saw_before);

-- What is asked every second: tasks that wait for others, and agent sessions that are not over.
CREATE INDEX task_pending_idx ON task (task_id) WHERE state = 'pending' AND deleted_at IS NULL;
CREATE INDEX agent_session_live_idx ON agent_session (session_id) WHERE state NOT IN ('stopped', 'failed');
