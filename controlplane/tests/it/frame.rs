//! What surrounds every answer: problems for unknown paths, request ids, trace context.

use crate::harness::TestApp;

async fn unknown_paths_and_methods_are_problems(app: TestApp) {
    for path in ["/", "/api/v1/nothing", "/api/v2/missions", "/api/v1/missions/a/b", "/api/v1/missions/"] {
        let answer = app.get(app.admin(), path).await;
        answer.problem(404, "not-found");
        assert_eq!(answer.body["instance"], path);
    }
    for (method, path) in
        [("PUT", "/api/v1/missions"), ("DELETE", "/healthz"), ("POST", "/api/v1/ledger/head")]
    {
        let answer = app.client.send(method, path, app.admin(), &[], None).await;
        answer.problem(405, "method-not-allowed");
        assert!(!answer.header("allow").is_empty(), "405 names what is allowed (RFC 9110 section 15.5.6)");
    }
}

async fn a_request_id_is_kept_when_it_is_sane(app: TestApp) {
    let send = async |id: &str| app.client.send("GET", "/healthz", "", &[("x-request-id", id)], None).await;
    let x128 = "x".repeat(128);
    for good in ["a", "A-b_c.d:9", &x128] {
        assert_eq!(send(good).await.header("x-request-id"), good);
    }
    for bad in ["", "a b", "a\"b", "<script>", "a;b", "ä", &"x".repeat(129)] {
        let answer = send(bad).await;
        let given = answer.header("x-request-id");
        assert!(given != bad && given.len() == 32, "{bad}: {given}");
    }
    assert_ne!(send("").await.header("x-request-id"), send("").await.header("x-request-id"));
}

async fn a_trace_goes_on_with_a_new_span(app: TestApp) {
    let send = async |trace: &str| {
        let answer = app.client.send("GET", "/healthz", "", &[("traceparent", trace)], None).await;
        let text = answer.header("traceparent").to_owned();
        let parts: Vec<String> = text.split('-').map(str::to_owned).collect();
        assert!(parts.len() == 4 && parts[0] == "00" && parts[2].len() == 16, "{text}");
        (parts[1].clone(), parts[2].clone())
    };
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let (kept, new) = send(&format!("00-{trace}-{span}-01")).await;
    assert_eq!(kept, trace);
    assert_ne!(new, span);
    let zeros = "0".repeat(32);
    for bad in [
        "",
        "00",
        "00-xyz",
        &format!("00-{zeros}-{span}-01"),
        &format!("00-{}-{span}-01", trace.to_uppercase()),
    ] {
        let (made, _) = send(bad).await;
        assert!(made.len() == 32 && made != zeros && !bad.contains(&made), "{bad}: {made}");
    }
}

async fn documents_and_metrics_are_served(app: TestApp) {
    let document = app.get("", "/openapi.json").await.ok(200);
    assert_eq!(document, serde_json::to_value(controlplane::http::document()).unwrap());
    assert!(app.get("", "/api/docs/").await.text.contains("swagger"));
    app.get(app.admin(), "/api/v1/missions").await.ok(200);
    let metrics = app.get("", "/metrics").await.text;
    assert!(
        metrics.contains("mc_http_requests_total{") && metrics.contains("route=\"/api/v1/missions\""),
        "{metrics}"
    );
    let ready = app.get("", "/readyz").await.ok(200);
    assert_eq!(ready["ok"], true);
}

both!(
    unknown_paths_and_methods_are_problems,
    a_request_id_is_kept_when_it_is_sane,
    a_trace_goes_on_with_a_new_span,
    documents_and_metrics_are_served,
);
