//! Approvals: one decision, by a person, for exactly one action, used once.

use std::time::Duration;

use controlplane::approvals::service::{self, NewApproval};
use mc_api::ProblemKind;
use mc_api::approval::{ApprovalKind, ApprovalState, DecideApproval, Execute};
use mc_api::auth::{GovernanceProfile, PrincipalKind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::local::{Local, ROOT, slug};

fn path(publication: &Value, verb: &str) -> String {
    format!("/approvals/{}{verb}", publication["approval_id"].as_str().unwrap())
}

async fn of_two_deciders_at_once_exactly_one_wins(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let (anna, ben) = (local.login("anna", "contributor").await, local.login("ben", "contributor").await);
    for round in 0..5 {
        let publication = local.publication(ROOT, &format!("r{round}")).await;
        let (approve, reject) = (path(&publication, "/approve"), path(&publication, "/reject"));
        let (one, two) = tokio::join!(
            local.call(&anna, Method::POST, &approve, Some(json!({}))),
            local.call(&ben, Method::POST, &reject, Some(json!({}))),
        );
        let lost = if one.0 == 200 { &two } else { &one };
        assert!((one.0 == 200) != (two.0 == 200), "{one:?} {two:?}");
        assert_eq!((lost.0, slug(&lost.1)), (409, "already-decided"));
        let detail = lost.1["detail"].as_str().unwrap();
        assert!(detail.contains(if one.0 == 200 { "anna" } else { "ben" }), "{detail}");
    }
}

async fn own_requests_are_approved_in_development_only_and_flagged(app: TestApp) {
    let mut app = app;
    for profile in GovernanceProfile::ALL {
        let local = Local::over(app, *profile).await;
        let anna = local.login("anna", "contributor").await;
        let publication = local.publication(&anna, "own").await;
        let approve = path(&publication, "/approve");
        let (status, answer) = local.call(&anna, Method::POST, &approve, Some(json!({}))).await;
        if *profile == GovernanceProfile::Development {
            assert_eq!((status, &answer["self_approved"]), (200, &json!(true)), "{answer}");
            app = local.0;
            continue;
        }
        assert_eq!((status, slug(&answer)), (403, "self-approval"), "{profile}");
        let approval = local.ok(ROOT, Method::POST, &approve, Some(json!({"note": "fine"}))).await;
        assert_eq!((&approval["self_approved"], &approval["state"]), (&json!(false), &json!("executed")));
        assert_eq!((&approval["decider"], &approval["note"]), (&json!("bootstrap"), &json!("fine")));
        app = local.0;
    }
}

async fn agents_nodes_and_service_accounts_decide_nothing(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let publication = local.publication(ROOT, "x").await;
    let reference = publication["approval_id"].as_str().unwrap();
    for kind in [PrincipalKind::Agent, PrincipalKind::Node, PrincipalKind::ServiceAccount] {
        let body =
            json!({"name": format!("p-{}", kind as u8), "principal_kind": "agent", "role": "contributor"});
        let other = local.ok(ROOT, Method::POST, "/principals", Some(body)).await;
        for id in [&other["id"], &publication["requester_id"]] {
            let cx = local.context(id, kind);
            for approve in [true, false] {
                let refused =
                    service::decide(local.app(), &cx, reference, approve, DecideApproval::default()).await;
                assert_eq!(refused.unwrap_err().kind, ProblemKind::Forbidden, "{kind}");
            }
        }
    }
    let viewer = local.login("reader", "viewer").await;
    assert_eq!(
        local.call(&viewer, Method::POST, &path(&publication, "/approve"), Some(json!({}))).await.0,
        403
    );
    assert_eq!(local.ok(ROOT, Method::GET, &path(&publication, ""), None).await["state"], "open");
}

async fn a_decider_names_the_action_seen_and_late_decisions_are_refused(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let publication = local.publication(ROOT, "x").await;
    let approve = path(&publication, "/approve");
    let wrong = json!({"action_sha256": "00".repeat(32)});
    assert_eq!(local.call(ROOT, Method::POST, &approve, Some(wrong)).await.0, 422);
    local.app().clock.advance(Duration::from_hours(8 * 24));
    let (status, problem) = local.call(ROOT, Method::POST, &approve, Some(json!({}))).await;
    assert_eq!((status, slug(&problem)), (409, "invalid-transition"));
    // The background may have been faster.
    controlplane::approvals::reconcile::expire(local.app()).await.unwrap();
    assert_eq!(local.ok(ROOT, Method::GET, &path(&publication, ""), None).await["state"], "expired");
    let id = publication["id"].as_str().unwrap();
    assert_eq!(local.ok(ROOT, Method::GET, &format!("/publications/{id}"), None).await["state"], "rejected");
    let reference = publication["approval_id"].as_str().unwrap();
    assert_eq!(local.actions_on(reference).await, ["approval.request", "approval.expire"]);
}

async fn only_the_requester_withdraws(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let anna = local.login("anna", "contributor").await;
    let publication = local.publication(&anna, "x").await;
    let cancel = path(&publication, "/cancel");
    assert_eq!(local.call(ROOT, Method::POST, &cancel, None).await.0, 403);
    assert_eq!(local.ok(&anna, Method::POST, &cancel, None).await["state"], "voided");
    let (status, problem) =
        local.call(ROOT, Method::POST, &path(&publication, "/approve"), Some(json!({}))).await;
    assert_eq!((status, slug(&problem)), (409, "invalid-transition"));
}

async fn a_token_is_good_once_for_its_action_mission_and_requester(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let app = local.app();
    let anna = local.login("anna", "contributor").await;
    let me = local.ok(&anna, Method::GET, "/auth/whoami", None).await["principal"]["id"].clone();
    let root = local.ok(ROOT, Method::GET, "/auth/whoami", None).await["principal"]["id"].clone();
    let (cx, other) = (local.context(&me, PrincipalKind::User), local.context(&root, PrincipalKind::User));
    let mission = controlplane::missions::service::get(app, &cx, "demo").await.unwrap();
    let action = "{\"action\":\"x\"}";
    let digest = mc_ledger::sha256(action.as_bytes()).to_string();
    let new = NewApproval {
        kind: ApprovalKind::AgentPermission,
        mission: &mission,
        title: "x".into(),
        action: action.into(),
        execute: Execute::ByRequester,
        expires_at: cx.now().plus(Duration::from_hours(1)),
    };
    let mut tx = app.db.begin_write().await.unwrap();
    let reference = service::request_in(&mut tx, &cx, new).await.unwrap().approval.id.to_string();
    app.db.commit(tx).await.unwrap();
    let decided = service::decide(app, &other, &reference, true, DecideApproval::default()).await.unwrap();
    assert_eq!((decided.state, decided.token), (ApprovalState::Approved, None), "not for the decider");
    let get = format!("/approvals/{reference}");
    let token = local.ok(&anna, Method::GET, &get, None).await["token"].as_str().unwrap().to_owned();
    assert_eq!(local.ok(&anna, Method::GET, &get, None).await["token"], token.as_str());
    assert!(local.ok(ROOT, Method::GET, &get, None).await.get("token").is_none());
    let second = json!({"name": "second"});
    let elsewhere = local.ok(ROOT, Method::POST, "/missions", Some(second)).await["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let changed = "00".repeat(32);
    let tries = [
        (&other, token.as_str(), digest.as_str(), mission.id, false),
        (&cx, token.as_str(), changed.as_str(), mission.id, false),
        (&cx, token.as_str(), digest.as_str(), elsewhere, false),
        (&cx, &token[..token.len() - 2], digest.as_str(), mission.id, false),
        (&cx, token.as_str(), digest.as_str(), mission.id, true),
        (&cx, token.as_str(), digest.as_str(), mission.id, false),
    ];
    for (number, (cx, token, digest, mission, good)) in tries.into_iter().enumerate() {
        let mut tx = app.db.begin_write().await.unwrap();
        match service::consume_in(app, &mut tx, cx, token, digest, mission).await {
            Ok(used) => {
                assert!(good, "try {number}");
                assert_eq!(used.approval.state, ApprovalState::Executed);
                app.db.commit(tx).await.unwrap();
            }
            Err(error) => {
                assert!(!good, "try {number}: {error}");
                assert_eq!(error.kind, ProblemKind::ApprovalTokenInvalid);
            }
        }
    }
    assert_eq!(
        local.actions_on(&reference).await,
        ["approval.request", "approval.decide", "approval.execute"]
    );
}

async fn an_approval_says_who_else_may_decide_and_how_grave_it_is(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let (anna, ben) = (local.login("anna", "contributor").await, local.login("ben", "contributor").await);
    let reader = local.login("reader", "viewer").await;
    local.0.mission("elsewhere").await;
    let cleo = local.0.login_in("cleo", "demo", "admin").await;
    local.0.login_in("dora", "elsewhere", "admin").await;
    let robot = json!({"name": "robot", "principal_kind": "service_account", "role": "admin"});
    local.ok(ROOT, Method::POST, "/principals", Some(robot)).await;
    let publication = local.publication(&anna, "x").await;
    let seen = async |token: &str| {
        let review = local.ok(token, Method::GET, &path(&publication, ""), None).await["review"].clone();
        let listed = local.ok(token, Method::GET, "/approvals", None).await;
        assert_eq!(listed["items"][0]["review"], review, "list and object say the same");
        review
    };
    let review = seen(&ben).await;
    let names: Vec<&str> = review["deciders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ben", "bootstrap", "cleo"], "people with the role there, not the requester");
    assert_eq!(review["deciders"][2]["role"], "admin");
    assert_eq!((&review["risk"], &review["more_deciders"]), (&json!("destructive"), &json!(false)));
    assert_eq!((&review["may_decide"], &review["why_not"]), (&json!(true), &json!(null)));
    assert_eq!((&review["least_role"], &review["self_approval"]), (&json!("contributor"), &json!(false)));
    assert!(review["policy"].as_str().unwrap().contains("standard"), "{review}");
    assert_eq!(seen(&cleo).await["may_decide"], true);
    for (token, word) in [(&anna, "requester"), (&reader, "contributor")] {
        let review = seen(token).await;
        assert_eq!(review["may_decide"], false);
        assert!(review["why_not"].as_str().unwrap().contains(word), "{review}");
    }
    let decided = local.ok(&ben, Method::POST, &path(&publication, "/reject"), Some(json!({}))).await;
    assert_eq!((&decided["review"]["may_decide"], &decided["state"]), (&json!(false), &json!("rejected")));
    assert_eq!(seen(&cleo).await["why_not"], "it is rejected");
    // What is computed for readers is no part of the record.
    let reference = publication["approval_id"].as_str().unwrap();
    let events = local.ok(ROOT, Method::GET, &format!("/ledger/events?subject={reference}"), None).await;
    assert!(!events.to_string().contains("deciders"), "{events}");
}

async fn several_are_decided_each_for_itself_and_once(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Standard).await;
    let (anna, ben) = (local.login("anna", "contributor").await, local.login("ben", "contributor").await);
    let mut items = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let publication = local.publication(if name == "e" { &ben } else { &anna }, name).await;
        let id = publication["approval_id"].as_str().unwrap().to_owned();
        let digest =
            local.ok(&ben, Method::GET, &format!("/approvals/{id}"), None).await["action_sha256"].clone();
        items.push((id, digest));
    }
    let [fine, bare, odd, off, own] = items.as_slice() else { panic!("five") };
    let body = json!({"items": [
        {"approval": fine.0, "decision": "approve", "action_sha256": fine.1, "note": "fine"},
        {"approval": bare.0, "decision": "approve"},
        {"approval": odd.0, "decision": "approve", "action_sha256": fine.1},
        {"approval": off.0, "decision": "reject", "version": 1},
        {"approval": own.0, "decision": "approve", "action_sha256": own.1},
        {"approval": "apr_00000000000000000000000000000001", "decision": "reject"},
    ]});
    let send = async |key: &str, body: &Value| {
        let request = local.request(&ben, Method::POST, "/approvals/decide").header("idempotency-key", key);
        crate::local::answer(request.json(body)).await
    };
    let (status, answer) = send("once", &body).await;
    assert_eq!(status, 200, "{answer}");
    let outcome = |item: &Value| match &item["result"] {
        Value::Null => (slug(&item["problem"]).to_owned(), item["problem"]["errors"][0]["pointer"].clone()),
        done => (done["state"].as_str().unwrap().to_owned(), Value::Null),
    };
    let outcomes =
        |answer: &Value| answer["items"].as_array().unwrap().iter().map(outcome).collect::<Vec<_>>();
    let word = str::to_owned;
    assert_eq!(
        outcomes(&answer),
        [
            (word("executed"), Value::Null),
            (word("validation"), json!("/action_sha256")),
            (word("validation"), json!("/action_sha256")),
            (word("rejected"), Value::Null),
            (word("self-approval"), Value::Null),
            (word("not-found"), Value::Null),
        ]
    );
    assert_eq!(answer["items"][0]["result"]["note"], "fine");
    // The same request again: what was decided is told again, and nothing is decided twice.
    let (_, again) = send("once", &body).await;
    assert_eq!(outcomes(&again), outcomes(&answer));
    let (_, anew) = send("anew", &body).await;
    assert_eq!(outcomes(&anew)[0].0, "already-decided");
    for (id, decisions) in [(fine, 1), (bare, 0), (off, 1), (own, 0)] {
        let actions = local.actions_on(&id.0).await;
        assert_eq!(
            actions.iter().filter(|action| *action == "approval.decide").count(),
            decisions,
            "{actions:?}"
        );
    }
    let refused = "/ledger/events?action=authorization.refuse&limit=500";
    let refused = local.ok(ROOT, Method::GET, refused, None).await;
    assert!(!refused["items"].as_array().unwrap().is_empty(), "a refused decision is in the ledger");

    let twice = json!({"items": [{"approval": bare.0, "decision": "reject"}, {"approval": bare.0, "decision": "reject"}]});
    for (bad, pointer) in [(json!({"items": []}), "/items"), (twice, "/items/1/approval")] {
        let (status, problem) = local.call(&ben, Method::POST, "/approvals/decide", Some(bad)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
    }
    let many: Vec<Value> =
        (0..101).map(|n| json!({"approval": format!("apr_{n:032x}"), "decision": "reject"})).collect();
    let (status, _) = local.call(&ben, Method::POST, "/approvals/decide", Some(json!({"items": many}))).await;
    assert_eq!(status, 422);
    let reader = local.login("reader", "viewer").await;
    let one = json!({"items": [{"approval": bare.0, "decision": "reject"}]});
    assert_eq!(local.call(&reader, Method::POST, "/approvals/decide", Some(one.clone())).await.0, 403);
    // Two batches beside each other: one of both decides.
    let cleo = local.login("cleo", "contributor").await;
    let (first, second) = tokio::join!(
        local.call(&ben, Method::POST, "/approvals/decide", Some(one.clone())),
        local.call(&cleo, Method::POST, "/approvals/decide", Some(one)),
    );
    let won = [&first.1, &second.1].iter().filter(|answer| answer["items"][0]["result"].is_object()).count();
    assert_eq!((first.0, second.0, won), (200, 200, 1), "{first:?} {second:?}");
}

async fn one_approval_is_watched_alone(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let (one, other) = (local.publication(ROOT, "one").await, local.publication(ROOT, "other").await);
    let id = one["approval_id"].as_str().unwrap();
    let app = &local.0;
    app.sealed().await;
    let mut watch = app.watch(app.admin(), &format!("/api/v1/approvals?id={id}&watch=true")).await;
    assert_eq!(watch.until(|change| change.event == "bookmark").await.len(), 2);
    local.ok(ROOT, Method::POST, &path(&other, "/reject"), Some(json!({}))).await;
    local.ok(ROOT, Method::POST, &path(&one, "/reject"), Some(json!({}))).await;
    let change = watch.next().await.unwrap();
    assert_eq!((change.event.as_str(), &change.data["id"]), ("modified", &json!(id)));
    assert_eq!(change.data["state"], "rejected");
}

both!(
    an_approval_says_who_else_may_decide_and_how_grave_it_is,
    several_are_decided_each_for_itself_and_once,
    one_approval_is_watched_alone,
    of_two_deciders_at_once_exactly_one_wins,
    own_requests_are_approved_in_development_only_and_flagged,
    agents_nodes_and_service_accounts_decide_nothing,
    a_decider_names_the_action_seen_and_late_decisions_are_refused,
    only_the_requester_withdraws,
    a_token_is_good_once_for_its_action_mission_and_requester,
);
