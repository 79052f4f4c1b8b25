# shellcheck shell=bash
# Work and knowledge through the three doors: mc, HTTP, MCP. Read by scripts/smoke.sh, whose functions and variables it uses.

# http METHOD PATH [JSON]: calls the API with curl; fails when the answer is an error.
http() {
  local data=()
  [ $# -lt 3 ] || data=(-H 'content-type: application/json' --data-binary "$3")
  curl -sS --fail-with-body -m 20 -X "$1" -H "@$WORK/authorization" "${data[@]}" "http://$ADDRESS$2"
}
# tool NAME ARGUMENTS: calls a tool through the plain HTTP door of MCP.
tool() { http POST /mcp/call "{\"tool\":\"$1\",\"args\":$2}"; }
# refused STATUS METHOD PATH [JSON]: is answered with this status.
refused() {
  local want=$1 got data=()
  shift
  [ $# -lt 3 ] || data=(-H 'content-type: application/json' --data-binary "$3")
  got=$(curl -sS -m 20 -o "$WORK/refused" -w '%{http_code}' -X "$1" -H "@$WORK/authorization" "${data[@]}" "http://$ADDRESS$2")
  [ "$got" = "$want" ] || { printf '%s %s: %s instead of %s\n' "$1" "$2" "$got" "$want" && cat "$WORK/refused" && return 1; }
}
# first NAME: the first text member of that name in the JSON on standard input.
first() { grep -oE "\"$1\": ?\"[^\"]*\"" | head -n 1 | sed 's/^[^:]*: *"//; s/"$//'; }

door_overlap() { # 1
  local title='Retry uploads when the object store times out' body id
  body="{\"mission\":\"$M\",\"kluster\":\"overlap\",\"title\":\"Uploads to the object store must be retried after timeouts\"}"
  says "$title" http POST /api/v1/overlap/check "$body" && says "$title" tool check_overlap "$body" &&
    refused 409 POST /api/v1/tasks "{\"mission\":\"$M\",\"kluster\":\"overlap\",\"title\":\"$title\"}" &&
    grep -q 'overlap-unacknowledged' "$WORK/refused" && grep -qF "$title" "$WORK/refused" &&
    id=$(mc get task first -m "$M" -k overlap -o json | first id) &&
    says '"ok":true' tool get_overlap_suggestions "{\"task_id\":\"$id\",\"limit\":5}" &&
    tool get_overlap_suggestions "{\"task_id\":\"$id\",\"state\":\"accepted\",\"limit\":5}" | grep -qF "$id" &&
    http GET "/api/v1/overlaps?mission=$M&state=accepted" | grep -qF "$id"
}
door_scores() { # 2: one text has one score, and a copy is beyond the point at which it is blocked
  local title='Retry uploads when the object store times out' body here there point
  body="{\"mission\":\"$M\",\"kluster\":\"overlap\",\"title\":\"$title\"}"
  here=$(mc overlap check -m "$M" -k overlap --title "$title" -o json | grep -oE '"score": ?[0-9.]+' | head -n 1 | tr -d ' ') &&
    there=$(http POST /api/v1/overlap/check "$body" | grep -oE '"score":[0-9.]+' | head -n 1) &&
    point=$(tool check_overlap "$body" | grep -oE '"score":[0-9.]+' | head -n 1) &&
    [ -n "$here" ] && [ "$here" = "$there" ] && [ "$here" = "$point" ] &&
    awk -v score="${here#*:}" 'BEGIN { exit !(score >= 0.9) }' || { printf 'mc %s, HTTP %s, MCP %s\n' "$here" "$there" "$point" && return 1; }
}
door_embeddings() { # 3
  local deadline=$((SECONDS + 20))
  says embeddings mc system doctor
  until http GET /api/v1/system/embeddings >"$WORK/embeddings" && grep -q '"waiting":0' "$WORK/embeddings"; do
    [ "$SECONDS" -lt "$deadline" ] || { cat "$WORK/embeddings" && return 1; }
    sleep 0.2
  done
  grep -q '"state":"ready"' "$WORK/embeddings" && says '"state":"ready"' tool get_embedding_status '{}'
}
door_search() { # 4
  local title='Retry uploads when' path
  for path in "/api/v1/search?q=retry%20uploads&mission=$M&kind=task" "/api/search?q=%22retry%20uploads%22&mission=$M"; do
    says "\"title\":\"$title" http GET "$path" || return 1
  done
  says "\"title\":\"$title" tool search_tasks '{"query":"retry uploads","limit":5}' &&
    says '"title":"overlap"' tool search_klusters "{\"query\":\"overlap\",\"mission_id\":\"$M\",\"limit\":5}" &&
    says '"kind":"event"' tool search "{\"query\":\"task.create\",\"kind\":\"event\",\"mission\":\"$M\"}" && refused 422 GET '/api/v1/search?q='
}
door_docs() { # 5
  local id url
  printf 'How the parachute is packed.\n' >"$WORK/doc.md" && mc doc put packing -m "$M" -k work --file "$WORK/doc.md" &&
    http POST "/api/v1/docs/packing/versions?mission=$M&kluster=work" '{"base_version":1,"content":"How it is packed: twice.\n"}' >"$WORK/doc" &&
    id=$(http GET "/api/v1/docs/packing?mission=$M&kluster=work" | first id) && says twice tool read_doc "{\"doc_id\":\"$id\"}" &&
    says '+How it is packed' mc doc diff packing -m "$M" -k work && says '"state":"published"' tool publish_doc "{\"doc\":\"$id\",\"version\":2}" &&
    refused 409 POST "/api/v1/docs/$id/versions" '{"base_version":1,"content":"late"}' &&
    id=$(mc get artifacts -m "$M" -o name | sed -n '1s|.*/||p') && http GET "/api/v1/artifacts/$id/content" >"$WORK/bytes" && [ -s "$WORK/bytes" ] &&
    curl -sS -m 20 -H "@$WORK/authorization" -r 0-9 "http://$ADDRESS/api/v1/artifacts/$id/content" >"$WORK/range" &&
    cmp -n 10 "$WORK/range" "$WORK/bytes" && [ "$(wc -c <"$WORK/range")" = 10 ] &&
    url=$(tool get_artifact_download_url "{\"artifact_id\":\"$id\",\"expires_seconds\":60}" | first url) &&
    curl -sS -m 20 "$url" | cmp - "$WORK/bytes"
}
door_bundles() { # 5
  says '"effective_version":"m1-k1"' http GET "/api/v1/skills/effective?mission=$M&kluster=work" &&
    says '"effective_version":"m1-k1"' tool resolve_skill_snapshot "{\"mission_id\":\"$M\",\"kluster_id\":\"work\"}" &&
    says '"name":"k2"' tool promote_local_skill_overlay "{\"mission_id\":\"$M\",\"kluster_id\":\"work\",\"files\":[{\"path\":\"land/SKILL.md\",\"text\":\"land softly\"}]}" &&
    says '"ok":true' tool publish_profile "{\"name\":\"$M-mcp\",\"base_version\":0,\"files\":[{\"path\":\"AGENTS.md\",\"text\":\"be kind\"}]}" &&
    says '"activated":true' tool activate_profile "{\"name\":\"$M-mcp\"}" &&
    says '"pinned_version":1' tool pin_profile_version "{\"name\":\"$M-mcp\",\"sha256\":\"$(http GET "/api/v1/profiles/$M-mcp" | first sha256)\"}" &&
    says '"state":"unknown"' tool profile_status "{\"name\":\"$M-mcp\"}" && says "$M-mcp" http GET /api/v1/profiles &&
    mc profile delete "$M-mcp" && says '"ok":true' tool inspect_mission_export "{\"mission\":\"$M\"}" &&
    http GET "/api/v1/missions/$M/export?secrets=scrub" >"$WORK/pack-http" && says created mc import "$WORK/pack-http" --name "$M-http" &&
    says unchanged http POST "/api/v1/packs/import?name=$M-http" @"$WORK/pack-http"
}
door_keystones() { # 6
  mc keystone init -m "$M" && mc keystone init -m "$M" -k work && printf '# North star\n\nLand, and come back.\n' | mc keystone edit -m "$M" --file - &&
    says 'come back' http GET "/api/v1/keystones?mission=$M" && says 'come back' tool get_keystone "{\"mission\":\"$M\"}" &&
    says workstream http GET "/api/v1/keystones?mission=$M&kluster=work"
}
door_workspaces() { # 7
  local kluster lease other
  kluster=$(http GET "/api/v1/klusters/work?mission=$M" | first id) &&
    tool load_kluster_workspace "{\"kluster_id\":\"$kluster\",\"workspace_label\":\"desk\",\"agent_id\":\"smoke\",\"lease_seconds\":120}" >"$WORK/loaded" &&
    grep -q '"path":"docs/packing.md"' "$WORK/loaded" && lease=$(grep -oE 'wsp_[0-9a-f]{32}' "$WORK/loaded" | head -n 1) &&
    says twice tool fetch_workspace_artifact "{\"lease_id\":\"$lease\",\"path\":\"docs/packing.md\"}" &&
    other=$(http POST /api/v1/workspaces "{\"kluster\":\"$kluster\"}" | grep -oE 'wsp_[0-9a-f]{32}' | head -n 1) &&
    says '"ok":true' tool commit_kluster_workspace "{\"lease_id\":\"$lease\",\"change_set\":[{\"path\":\"docs/packing.md\",\"op\":\"update\",\"text\":\"By one hand.\"},{\"path\":\"docs/pins.md\",\"op\":\"create\",\"text\":\"Seven pins.\"}]}" &&
    refused 409 POST "/api/v1/workspaces/$other/commit" '{"changes":[{"path":"docs/packing.md","op":"update","text":"mine"}]}' &&
    grep -q base_mismatch "$WORK/refused" && grep -q '"current_version":3' "$WORK/refused" &&
    says '"state":"released"' http POST "/api/v1/workspaces/$other/release" '{}' &&
    says '"state":"released"' tool release_kluster_workspace "{\"lease_id\":\"$lease\",\"reason\":\"done\"}" &&
    mc workspace load "$WORK/desk" -m "$M" -k work && says 'Seven pins' cat "$WORK/desk/docs/pins.md" && echo Eight >"$WORK/desk/docs/pins.md" &&
    mc workspace commit "$WORK/desk" && says Eight mc doc get pins -m "$M" -k work && mc workspace release "$WORK/desk"
}
door_reservations() { # 8
  local id of="\"mission\":\"$M\",\"repository\":\"git@smoke.example:c/d.git\""
  id=$(http POST /api/v1/reservations "{$of,\"globs\":[\"src/**\"]}" | first id) && [ -n "$id" ] &&
    says "$id" tool check_paths '{"repository":"git@smoke.example:c/d.git","paths":["src/main.rs"]}' &&
    exits 5 mc reserve 'src/*.rs' -m "$M" --repo git@smoke.example:c/d.git --context reviewer &&
    says '"state":"released"' http POST "/api/v1/reservations/$id/release" &&
    id=$(tool reserve_paths "{$of,\"globs\":[\"src/**\"]}" | first id) && says "$id" mc get reservations -m "$M" -o name &&
    says '"state":"released"' tool release_paths "{\"reservation\":\"$id\"}"
}
door_publications() { # 9
  local id
  id=$(http GET "/api/v1/docs/pins?mission=$M&kluster=work" | first id) &&
    says '"entity_id"' tool list_pending_ledger_events "{\"mission_id\":\"$M\",\"limit\":5}" &&
    says '"path"' tool resolve_publish_plan "{\"entity_type\":\"doc\",\"entity_id\":\"$id\",\"mission_id\":\"$M\"}" &&
    says '"path"' http POST /api/v1/publications/plan "{\"mission\":\"$M\",\"entities\":[{\"entity_type\":\"doc\",\"entity_id\":\"$id\"}]}" &&
    tool publish_pending_ledger_events "{\"mission_id\":\"$M\"}" >"$WORK/publications" && approval && mc approve "$APPROVAL" --context reviewer &&
    mc wait publication "$(grep -oE 'bat_[0-9a-f]{32}' "$WORK/publications" | head -n 1)" --for state=published --timeout 30s &&
    says pins.md git --git-dir "$WORK/elsewhere/ledger.git" ls-tree -r --name-only main &&
    says '"ok":true' tool get_publication_status "{\"mission_id\":\"$M\",\"limit\":5}" &&
    says doc.create tool get_entity_history "{\"entity_type\":\"doc\",\"entity_id\":\"$id\",\"mission_id\":\"$M\"}" &&
    says doc.create http GET "/api/v1/ledger/history?entity_type=doc&entity_id=$id&mission_id=$M" && says ok mc ledger verify --git "$WORK/elsewhere/ledger.git"
}
door_planning() { # 10
  local id manifest rows
  rows="{\"mission\":\"$M\",\"kluster\":\"plan\",\"source\":\"smoke\",\"rows\":[{\"line\":1,\"external_id\":\"s1\",\"title\":\"Sew the seam\"}]}"
  id=$(http GET "/api/v1/tasks/two?mission=$M&kluster=plan" | first id) &&
    says dependency_unfinished http GET "/api/v1/tasks/$id/why" && says dependency_unfinished tool why_task "{\"task_id\":\"$id\"}" &&
    manifest="{\"apiVersion\":\"missioncontrol.dev/v1\",\"kind\":\"Task\",\"metadata\":{\"name\":\"fold\",\"mission\":\"$M\",\"kluster\":\"plan\"},\"spec\":{\"title\":\"Fold the canopy\",\"priority\":7}}" &&
    says '"result":"created"' http POST /api/v1/apply "{\"documents\":[$manifest],\"dry_run\":true}" && refused 404 GET "/api/v1/tasks/fold?mission=$M&kluster=plan" &&
    says '"result":"created"' tool apply_manifests "{\"documents\":[$manifest],\"field_manager\":\"smoke\"}" &&
    says '"priority":7' http GET "/api/v1/tasks/fold?mission=$M&kluster=plan" &&
    says '"title":"Replace the valve"' tool create_task_from_template "{\"template\":\"swap\",\"mission\":\"$M\",\"kluster\":\"plan\",\"parameters\":{\"part\":\"valve\"}}" &&
    says '"result":"created"' http POST /api/v1/tasks/import "$rows" && says '"result":"unchanged"' tool import_tasks "$rows" &&
    says '"items"' tool list_task_assignments "{\"kluster_id\":\"plan\",\"mission_id\":\"$M\"}"
}
