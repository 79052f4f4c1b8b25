//! Who may do what: every operation as every role, and roles in single missions.

use mc_api::{Action, Role};
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};
use crate::operations::{Operation, Who, all};

/// The objects that paths and bodies name.
pub(crate) struct Fixture {
    pub(crate) mission: String,
    pub(crate) kluster: String,
    pub(crate) task: String,
    pub(crate) overlap: String,
    pub(crate) artifact: String,
    pub(crate) doc: String,
    pub(crate) doomed: String,
    pub(crate) doomed_task: String,
    pub(crate) template: String,
    pub(crate) skill: String,
    pub(crate) workspace: String,
    pub(crate) publication: String,
    pub(crate) approval: String,
    pub(crate) session: String,
    pub(crate) reservation: String,
    pub(crate) turn: String,
    pub(crate) grant: String,
    pub(crate) node: String,
    pub(crate) join_token: String,
    pub(crate) connection: String,
    pub(crate) binding: String,
    /// One per call, so that what one call makes never stands in the way of another.
    pub(crate) made: std::cell::Cell<u32>,
}

impl Fixture {
    pub(crate) async fn new(app: &TestApp) -> Self {
        let mission = app.mission("fixture").await["id"].as_str().unwrap().to_owned();
        let body = json!({ "mission": mission, "name": "fixture" });
        let kluster = app.post(app.admin(), "/api/v1/klusters", body).await.ok(201);
        let body = json!({ "mission": mission, "kluster": "fixture", "title": "fixture" });
        let task = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
        let body = json!({ "mission": mission, "kluster": "fixture", "title": "Fixture of an overlap" });
        app.post(app.admin(), "/api/v1/tasks", body.clone()).await.ok(201);
        let twin = app.post(app.admin(), "/api/v1/tasks", body).await.ok(201);
        let other = json!({ "name": "somebody", "principal_kind": "user", "role": "viewer" });
        app.post(app.admin(), "/api/v1/principals", other).await.ok(201);
        let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/artifacts?mission={mission}&name=fixture");
        let artifact = id(&app.post(app.admin(), &path, json!({})).await.ok(201));
        let body = json!({ "mission": mission, "name": "fixture", "content": "one" });
        let doc = id(&app.post(app.admin(), "/api/v1/docs", body).await.ok(201));
        let body = json!({ "base_version": 1, "content": "two" });
        app.post(app.admin(), &format!("/api/v1/docs/{doc}/versions"), body).await.ok(200);
        let body = json!({ "mission": mission, "name": "doomed", "content": "one" });
        let doomed = id(&app.post(app.admin(), "/api/v1/docs", body).await.ok(201));
        let body = json!({ "mission": mission, "name": "fixture", "task": { "title": "fixture" } });
        let doomed_body = json!({ "mission": mission, "kluster": "fixture", "title": "doomed" });
        let doomed_task = id(&app.post(app.admin(), "/api/v1/tasks", doomed_body).await.ok(201));
        let template = id(&app.post(app.admin(), "/api/v1/templates", body).await.ok(201));
        let place = format!("mission={mission}");
        let skill = id(&crate::skills::push(app, app.admin(), &place, &[("fixture", "x")]).await.ok(201));
        app.post(app.admin(), "/api/v1/keystones", json!({ "mission": mission })).await.ok(200);
        let body = json!({ "mission": mission, "kluster": "fixture" });
        let loaded = app.post(app.admin(), "/api/v1/workspaces", body).await.ok(201);
        let workspace = id(&loaded["workspace"]);
        let body = json!({ "mission": mission, "artifacts": [artifact], "message": "fixture" });
        let publication = app.post(app.admin(), "/api/v1/publications", body).await.ok(201);
        let approval = publication["approval_id"].as_str().unwrap().to_owned();
        let publication = id(&publication);
        let body = json!({ "mission": mission, "runtime": "nobody-has-it" });
        let session = id(&app.post(app.admin(), "/api/v1/sessions", body).await.ok(201));
        let path = format!("/api/v1/sessions/{session}/prompt");
        let turn = id(&app.post(app.admin(), &path, json!({ "text": "fixture" })).await.ok(201));
        let body =
            json!({ "mission": mission, "repository": "https://host.example/x/y.git", "globs": ["fixture"] });
        let reservation = id(&app.post(app.admin(), "/api/v1/reservations", body).await.ok(201));
        let grant = id(&app.post(app.admin(), "/api/v1/auth/grants", json!({})).await.ok(201));
        let node = crate::nodes::Machine::join(app, "fixture").await.identity.node_id().to_owned();
        // A lease that runs out would be an event among those that are counted.
        app.sql("UPDATE node SET lease_until = 9000000000000000").await;
        let body = json!({ "name": "fixture", "connection_kind": "local", "url": "/nowhere" });
        let connection = id(&app.post(app.admin(), "/api/v1/connections", body).await.ok(201));
        let body = json!({ "mission": mission, "name": "fixture", "connection": "fixture", "repository": "fixture.git" });
        let binding = id(&app.post(app.admin(), "/api/v1/bindings", body).await.ok(201));
        let join_token = id(&app.post(app.admin(), "/api/v1/join-tokens", json!({})).await.ok(201));
        Self {
            mission,
            kluster: id(&kluster),
            task: id(&task),
            overlap: id(&twin["overlap_suggestions"][0]),
            artifact,
            doc,
            doomed,
            doomed_task,
            template,
            skill,
            workspace,
            publication,
            approval,
            session,
            reservation,
            turn,
            grant,
            node,
            join_token,
            connection,
            binding,
            made: std::cell::Cell::new(0),
        }
    }

    pub(crate) async fn call(&self, app: &TestApp, token: &str, operation: &Operation) -> Answer {
        let (method, path, _, body) = operation;
        self.made.set(self.made.get() + 1);
        let collection = path.split(['/', '?']).nth(3).unwrap_or_default();
        let reference = match collection {
            "missions" | "publication-policies" => &self.mission,
            "klusters" => &self.kluster,
            "tasks" | "apply" => &self.task,
            "overlaps" => &self.overlap,
            "artifacts" => &self.artifact,
            "docs" => &self.doc,
            "templates" => &self.template,
            "skills" => &self.skill,
            "profiles" => "somebodys",
            "workspaces" => &self.workspace,
            "publications" => &self.publication,
            "approvals" => &self.approval,
            "sessions" => &self.session,
            "turns" => &self.turn,
            "reservations" => &self.reservation,
            "nodes" => &self.node,
            "join-tokens" => &self.join_token,
            "connections" => &self.connection,
            "bindings" => &self.binding,
            "principals" => "somebody",
            "auth" => &self.grant,
            _ => {
                assert!(!path.contains("{ref}"), "say here which object {path} means");
                ""
            }
        };
        let fill = |text: &str| {
            text.replace("{ref}", reference)
                .replace("{mission}", &self.mission)
                .replace("{task}", &self.task)
                .replace("{overlap}", &self.overlap)
                .replace("{approval}", &self.approval)
                .replace("{artifact}", &self.artifact)
                .replace("{reservation}", &self.reservation)
                .replace("{doc}", &self.doc)
                .replace("{doomed}", &self.doomed)
                .replace("{doomed_task}", &self.doomed_task)
                .replace("{workspace}", &self.workspace)
                .replace("{skill}", &self.skill)
                .replace("{publication}", &self.publication)
                .replace("{new}", &format!("new-{}", self.made.get()))
        };
        let body = fill(body);
        let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(&body).unwrap());
        // A version that no object has: whoever may change the fixture is told 412 and leaves it as it is.
        let headers: &[(&str, &str)] =
            if matches!(*method, "PATCH" | "DELETE") { &[("if-match", "\"999999\"")] } else { &[] };
        app.client.send(method, &fill(path), token, headers, body).await
    }
}

async fn without_token_nothing_but_the_anonymous_operations_is_answered(app: TestApp) {
    let fixture = Fixture::new(&app).await;
    let before = app.events().await.len();
    for operation in all() {
        for token in ["", "mcs_junk", "mcb_junk"] {
            let answer = fixture.call(&app, token, operation).await;
            if operation.2 == Who::Anonymous {
                assert_eq!(answer.status, 200, "{operation:?}: {}", answer.text);
            } else {
                answer.problem(401, "unauthenticated");
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{operation:?}");
            }
        }
    }
    let after = app.events().await;
    assert_eq!(after.len(), before + 1, "only the export is ledgered: {:?}", &after[before..]);
}

async fn each_operation_needs_its_role(app: TestApp) {
    let fixture = Fixture::new(&app).await;
    let none = json!({ "name": "nobody", "principal_kind": "user" });
    app.post(app.admin(), "/api/v1/principals", none).await.ok(201);
    let nobody = app.post(app.admin(), "/api/v1/auth/login", json!({ "principal": "nobody" })).await.ok(201);
    let mut users = vec![(None, nobody["token"].as_str().unwrap().to_owned())];
    for role in [Role::Viewer, Role::Contributor, Role::Admin] {
        users.push((Some(role), app.login_as(role.as_str(), role.as_str()).await));
    }

    let before = app.events().await.len();
    let mut refused_changes = Vec::new();
    for operation in all() {
        let Who::Needs(action) = operation.2 else { continue };
        for (role, token) in &users {
            if *role >= Some(action.least_role()) {
                continue;
            }
            let answer = fixture.call(&app, token, operation).await;
            match answer.status {
                403 => {
                    answer.problem(403, "forbidden");
                    // What the system says of itself is read, also through a tool.
                    let reads = operation.0 == "GET" || action == mc_api::Action::ReadSystem;
                    if !reads || operation.1.ends_with("/export") {
                        refused_changes.push((answer.header("x-request-id").to_owned(), operation, role));
                    }
                }
                // Without any role nothing is visible: objects are absent, lists are empty.
                404 if role.is_none() => {
                    answer.problem(404, "not-found");
                }
                200 if role.is_none() && (operation.0 == "GET" || operation.1 == "/mcp/call") => {
                    let page = if operation.0 == "GET" { &answer.body } else { &answer.body["result"] };
                    assert_eq!(page["items"], json!([]), "{operation:?} as {role:?}");
                }
                _ => panic!("{operation:?} as {role:?}: {} {}", answer.status, answer.text),
            }
        }
    }
    let events = app.events().await;
    // The export of the line before is the first event after it.
    let refusals = &events[before + 1..];
    // What was created for the calls is compared meanwhile, by the system itself.
    let is_odd = |e: &&mc_ledger::SealedEvent| {
        e.envelope.action != "authorization.refuse" && e.envelope.request_id != "system"
    };
    let odd: Vec<_> = refusals.iter().filter(is_odd).collect();
    assert!(odd.is_empty(), "a refused call changed something: {odd:?}");
    for (request, operation, role) in &refused_changes {
        let ledgered = refusals.iter().filter(|event| event.envelope.request_id == *request).count();
        assert_eq!(ledgered, 1, "{operation:?} as {role:?} is ledgered {ledgered} times");
    }
    assert_eq!(refusals.len(), refused_changes.len(), "only refused changes are ledgered: {refusals:?}");

    for operation in all() {
        let Who::Needs(action) = operation.2 else { continue };
        for (role, token) in &users {
            if *role < Some(action.least_role()) {
                continue;
            }
            // A fresh login for each call: logging out must not lock out the calls after it.
            let token = match operation.1 {
                "/api/v1/auth/logout-everywhere" => {
                    app.login_as(&format!("leaving-{}", role.unwrap()), role.unwrap().as_str()).await
                }
                "/api/v1/auth/logout" => app.login_as(role.unwrap().as_str(), role.unwrap().as_str()).await,
                _ => token.clone(),
            };
            let answer = fixture.call(&app, &token, operation).await;
            assert!(
                (200..300).contains(&answer.status)
                    || matches!(answer.status, 409 | 412 | 422)
                    // Reviewing the own work, withdrawing another's request and releasing another's paths are refused
                    // whatever the role.
                    || answer.text.contains("urn:missioncontrol:problem:self-approval")
                    || matches!(action, Action::CancelApproval | Action::ReleaseReservation) && answer.status == 403,
                "{operation:?} as {role:?}: {} {}",
                answer.status,
                answer.text
            );
        }
    }
    app.get(app.admin(), &format!("/api/v1/missions/{}", fixture.mission)).await.ok(200);
}

async fn a_role_in_one_mission_shows_nothing_of_another(app: TestApp) {
    let (a, b) = (app.mission("mission-a").await, app.mission("mission-b").await);
    for mission in ["mission-a", "mission-b"] {
        let kluster = json!({ "mission": mission, "name": "same" });
        app.post(app.admin(), "/api/v1/klusters", kluster).await.ok(201);
    }
    let only = json!({ "mission": "mission-b", "name": "only-in-b" });
    let hidden = app.post(app.admin(), "/api/v1/klusters", only).await.ok(201);
    let token = app.login_in("guest", "mission-a", "contributor").await;
    app.sealed().await;

    let seen = app.get(&token, "/api/v1/missions").await.ok(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    assert_eq!(seen["items"][0]["id"], a["id"]);
    let seen = app.get(&token, "/api/v1/klusters").await.ok(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    // The name is ambiguous for Admin, and not for someone who sees one of both.
    app.get(app.admin(), "/api/v1/klusters/same").await.problem(409, "ambiguous-reference");
    assert_eq!(app.get(&token, "/api/v1/klusters/same").await.ok(200)["mission_id"], a["id"]);

    let b_id = b["id"].as_str().unwrap();
    let (mission_b, kluster_b) =
        (format!("/api/v1/missions/{b_id}"), format!("/api/v1/klusters/{}", hidden["id"].as_str().unwrap()));
    for path in ["/api/v1/missions/mission-b", &mission_b, "/api/v1/klusters/only-in-b", &kluster_b] {
        let absent = app.get(&token, path).await.problem(404, "not-found");
        assert!(!absent.contains("role"), "{absent}");
        app.patch(&token, path, json!({ "description": "x" })).await.problem(404, "not-found");
        app.delete(&token, path).await.problem(404, "not-found");
    }
    for path in ["/api/v1/klusters?mission=mission-b", "/api/v1/ledger/events?mission=mission-b"] {
        app.get(&token, path).await.problem(404, "not-found");
    }
    let kluster = json!({ "mission": "mission-b", "name": "x" });
    app.post(&token, "/api/v1/klusters", kluster).await.problem(404, "not-found");
    app.post(&token, "/api/v1/missions", json!({ "name": "x" })).await.problem(403, "forbidden");
    app.get(&token, "/api/v1/ledger/export").await.problem(403, "forbidden");

    let events = app.get(&token, "/api/v1/ledger/events?limit=500").await.ok(200);
    let events = events["items"].as_array().unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| event["mission_id"] == a["id"]), "{events:?}");
    let subject = format!("/api/v1/ledger/events?subject={b_id}");
    assert_eq!(app.get(&token, &subject).await.ok(200)["items"], json!([]));

    // The own mission works, up to the role.
    app.patch(&token, "/api/v1/missions/mission-a", json!({ "description": "mine" })).await.ok(200);
    app.delete(&token, "/api/v1/missions/mission-a").await.problem(403, "forbidden");
}

async fn a_removed_role_counts_at_the_next_request(app: TestApp) {
    app.mission("here").await;
    let token = app.login_in("guest", "here", "viewer").await;
    app.get(&token, "/api/v1/missions/here").await.ok(200);
    let none = json!({ "mission": "here", "role": null });
    app.put(app.admin(), "/api/v1/principals/guest/role", none).await.ok(200);
    app.get(&token, "/api/v1/missions/here").await.problem(404, "not-found");
}

async fn nobody_becomes_the_system_or_bootstrap(app: TestApp) {
    for name in ["system", "bootstrap"] {
        let login = json!({ "principal": name });
        app.post(app.admin(), "/api/v1/auth/login", login).await.problem(422, "validation");
        let role = json!({ "role": "viewer" });
        let path = format!("/api/v1/principals/{name}/role");
        app.put(app.admin(), &path, role).await.problem(422, "validation");
    }
}

async fn a_refusal_is_ledgered_with_who_and_why(app: TestApp) {
    let token = app.login_as("reader", "viewer").await;
    let answer = app.post(&token, "/api/v1/missions", json!({ "name": "x" })).await;
    answer.problem(403, "forbidden");
    let events = app.events().await;
    let refusal = events.iter().find(|event| event.envelope.action == "authorization.refuse").unwrap();
    assert_eq!(refusal.envelope.request_id, answer.header("x-request-id"));
    let who = app.get(&token, "/api/v1/auth/whoami").await.ok(200);
    assert_eq!(refusal.envelope.principal_id, who["principal"]["id"].as_str().unwrap());
    let body: Value = serde_json::from_str(refusal.body.as_ref().unwrap()).unwrap();
    assert_eq!(body["after"]["kind"], "forbidden");
}

both!(
    without_token_nothing_but_the_anonymous_operations_is_answered,
    each_operation_needs_its_role,
    a_role_in_one_mission_shows_nothing_of_another,
    a_removed_role_counts_at_the_next_request,
    nobody_becomes_the_system_or_bootstrap,
    a_refusal_is_ledgered_with_who_and_why,
);
