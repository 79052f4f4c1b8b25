//! Who is who, and what an Admin does about the roles, logins and grants of others.

use serde_json::{Value, json};

use crate::harness::TestApp;

async fn id_of(app: &TestApp, token: &str) -> String {
    let me = app.get(token, "/api/v1/auth/whoami").await.ok(200);
    me["principal"]["id"].as_str().unwrap().to_owned()
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn names_are_told_to_those_who_may_know_them(app: TestApp) {
    app.mission("inner").await;
    app.mission("outer").await;
    let anna = app.login_as("anna", "viewer").await;
    let ben = app.login_in("ben", "inner", "contributor").await;
    let cleo = app.login_in("cleo", "inner", "viewer").await;
    let dora = app.login_in("dora", "outer", "admin").await;
    let mut ids = Vec::new();
    for token in [app.admin(), &anna, &ben, &cleo, &dora] {
        ids.push(id_of(&app, token).await);
    }
    let body = json!({ "mission": "inner", "runtime": "nobody-has-it" });
    let session = app.post(app.admin(), "/api/v1/sessions", body).await.ok(201);
    ids.push(session["principal_id"].as_str().unwrap().to_owned());
    let path = format!("/api/v1/principal-names?id={},prn_00000000000000000000000000000001", ids.join(","));
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let seen = async |token: &str| {
        let page = app.get(token, &path).await.ok(200);
        sorted(names(&page).iter().map(|name| (*name).to_owned()).collect())
    };
    let agent = app.get(&anna, &path).await.ok(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["principal_kind"] == "agent")
        .cloned()
        .unwrap();
    assert_eq!(agent["session_id"], session["id"], "an agent names its session");
    let agent = agent["name"].as_str().unwrap();
    let expected = |names: &[&str]| sorted(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(seen(&anna).await, expected(&[agent, "anna", "ben", "bootstrap", "cleo", "dora"]));
    // Whoever has a role in the organization has one in the mission; who is of another mission only is nobody here.
    assert_eq!(seen(&cleo).await, expected(&[agent, "anna", "ben", "bootstrap", "cleo"]));
    assert_eq!(seen(&dora).await, expected(&["anna", "bootstrap", "dora"]));
    app.put(app.admin(), "/api/v1/principals/cleo/role", json!({ "mission": "inner", "role": null }))
        .await
        .ok(200);
    assert_eq!(seen(&cleo).await, expected(&["cleo"]), "without a role one knows oneself");

    let many = ["prn_00000000000000000000000000000001"; 3].join(",");
    app.get(&anna, &format!("/api/v1/principal-names?id={many}")).await.ok(200);
    for bad in ["", "anna", "prn_1", "mis_00000000000000000000000000000001", "a,,b"] {
        let refused = app.get(&anna, &format!("/api/v1/principal-names?id={bad}")).await;
        refused.problem(422, "validation");
        assert_eq!(refused.body["errors"][0]["pointer"], "?id", "{bad}");
    }
    let hundred: Vec<String> = (0..101).map(|n| format!("prn_{n:032x}")).collect();
    let refused = app.get(&anna, &format!("/api/v1/principal-names?id={}", hundred.join(","))).await;
    refused.problem(422, "validation");
    app.get(&anna, "/api/v1/principal-names").await.problem(400, "malformed-request");
}

async fn members_of_a_mission_are_listed_by_role_and_kind(app: TestApp) {
    app.mission("inner").await;
    app.mission("outer").await;
    let admin = app.login_as("anna", "admin").await;
    app.login_in("ben", "inner", "contributor").await;
    app.login_in("cleo", "inner", "admin").await;
    app.login_in("dora", "outer", "viewer").await;
    let listed = async |query: &str| -> Vec<String> {
        let page = app.get(&admin, &format!("/api/v1/principals?{query}")).await.ok(200);
        names(&page).iter().map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(listed("mission=inner&principal_kind=user").await, ["anna", "ben", "cleo"]);
    assert_eq!(listed("mission=inner&principal_kind=user&role=admin").await, ["anna", "cleo"]);
    assert_eq!(listed("mission=inner&role=contributor").await, ["ben"]);
    assert_eq!(listed("mission=outer&role=viewer").await, ["dora"]);
    assert_eq!(listed("principal_kind=user&role=admin").await, ["anna"]);
    assert_eq!(listed("role=viewer").await, Vec::<String>::new());
    let page = app.get(&admin, "/api/v1/principals?principal_kind=user&limit=1").await.ok(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/v1/principals?principal_kind=user&limit=1&cursor={cursor}");
    assert_eq!(names(&app.get(&admin, &next).await.ok(200)), ["ben"]);
    app.get(&admin, &format!("/api/v1/principals?limit=1&cursor={cursor}"))
        .await
        .problem(400, "invalid-cursor");
    app.get(&admin, "/api/v1/principals?role=king").await.problem(400, "malformed-request");
    app.get(&admin, "/api/v1/principals?mission=nowhere").await.problem(404, "not-found");

    // Changed and removed, each with its event.
    let role = "/api/v1/principals/ben/role";
    let raised = app.put(&admin, role, json!({ "mission": "inner", "role": "admin" })).await.ok(200);
    assert_eq!(raised["mission_roles"][0]["role"], "admin");
    app.put(&admin, role, json!({ "mission": "inner", "role": null })).await.ok(200);
    assert_eq!(listed("mission=inner&principal_kind=user").await, ["anna", "cleo"]);
    let subject = raised["id"].as_str().unwrap();
    let path = format!("/api/v1/ledger/events?subject={subject}&action=principal.manage");
    app.sealed().await;
    assert_eq!(app.get(&admin, &path).await.ok(200)["items"].as_array().unwrap().len(), 4);
}

async fn logins_and_grants_of_others_are_an_admins_to_end(app: TestApp) {
    app.mission("inner").await;
    let ben = app.login_as("ben", "contributor").await;
    let second = app.login_as("ben", "contributor").await;
    let cleo = app.login_in("cleo", "inner", "viewer").await;
    let own = app.get(&ben, "/api/v1/auth/logins").await.ok(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 2);
    assert!(own["items"].as_array().unwrap().iter().all(|login| login["principal"] == "ben"), "{own}");
    assert_eq!(app.get(&ben, "/api/v1/auth/logins?principal=ben").await.ok(200)["items"], own["items"]);
    let of_cleo = app.get(app.admin(), "/api/v1/auth/logins?principal=cleo").await.ok(200);
    let of_cleo = of_cleo["items"][0]["id"].as_str().unwrap().to_owned();
    let all = app.get(app.admin(), "/api/v1/auth/logins?all=true").await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    app.get(app.admin(), "/api/v1/auth/logins?all=true&principal=ben").await.problem(422, "validation");
    app.get(app.admin(), "/api/v1/auth/logins?principal=nobody").await.problem(404, "not-found");
    for query in ["principal=cleo", "all=true", "principal=nobody"] {
        app.get(&ben, &format!("/api/v1/auth/logins?{query}")).await.problem(403, "forbidden");
    }

    // Somebody else's login session is absent, one's own may be ended from another one.
    let path = |id: &str| format!("/api/v1/auth/logins/{id}");
    app.delete(&ben, &path(&of_cleo)).await.problem(404, "not-found");
    let other = own["items"].as_array().unwrap().iter().find(|login| login["is_current"] == false).unwrap();
    app.delete(&ben, &path(other["id"].as_str().unwrap())).await.ok(204);
    app.get(&second, "/api/v1/missions").await.problem(401, "unauthenticated");
    app.delete(&ben, &path(other["id"].as_str().unwrap())).await.problem(404, "not-found");
    app.delete(app.admin(), &path(&of_cleo)).await.ok(204);
    app.get(&cleo, "/api/v1/auth/whoami").await.problem(401, "unauthenticated");

    // Grants: who might end them sees them, never their tokens.
    let body = json!({ "principal": "bens-agent", "mission": "inner" });
    let grant = app.post(&ben, "/api/v1/auth/grants", body).await.ok(201);
    let token = grant["token"].as_str().unwrap();
    let listed = app.get(&ben, "/api/v1/auth/grants?principal=bens-agent").await.ok(200);
    assert_eq!(listed["items"][0]["id"], grant["id"]);
    assert!(!listed.to_string().contains(token) && !listed.to_string().contains("mcg_"), "{listed}");
    let dora = app.login_in("dora", "inner", "viewer").await;
    app.get(&dora, "/api/v1/auth/grants").await.problem(403, "forbidden");
    app.get(token, "/api/v1/missions/inner").await.ok(200);
    let path = path(grant["id"].as_str().unwrap());
    app.delete(app.admin(), &path).await.problem(404, "not-found");

    let expelled = app.post(app.admin(), "/api/v1/principals/bens-agent/logout-everywhere", json!({})).await;
    assert_eq!(expelled.ok(200)["ended"], 1);
    app.get(token, "/api/v1/missions/inner").await.problem(401, "unauthenticated");
    let expelled = app.post(app.admin(), "/api/v1/principals/ben/logout-everywhere", json!({})).await;
    assert_eq!(expelled.ok(200)["ended"], 1);
    app.get(&ben, "/api/v1/missions").await.problem(401, "unauthenticated");
    app.post(&dora, "/api/v1/principals/ben/logout-everywhere", json!({})).await.problem(403, "forbidden");
    app.get(app.admin(), "/api/v1/missions").await.ok(200);
}

both!(
    names_are_told_to_those_who_may_know_them,
    members_of_a_mission_are_listed_by_role_and_kind,
    logins_and_grants_of_others_are_an_admins_to_end,
);
