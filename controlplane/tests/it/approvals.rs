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

both!(
    of_two_deciders_at_once_exactly_one_wins,
    own_requests_are_approved_in_development_only_and_flagged,
    agents_nodes_and_service_accounts_decide_nothing,
    a_decider_names_the_action_seen_and_late_decisions_are_refused,
    only_the_requester_withdraws,
    a_token_is_good_once_for_its_action_mission_and_requester,
);
