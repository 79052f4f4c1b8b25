//! What is published: the OpenAPI document, the table of operations, the kinds of problems.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use mc_api::ProblemKind;
use regex::Regex;
use serde_json::Value;

use crate::harness::database::environment;
use crate::harness::{Database, TestApp};
use crate::operations::{OPERATIONS, PLAIN, TOOLS, Who};

/// Compares with a committed file; `MC_BLESS=1` writes it.
fn same_as_committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if environment("MC_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let at = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    let first = at.unwrap_or_else(|| committed.lines().count().min(text.lines().count()));
    assert!(
        committed == text,
        "{path} is stale, first at line {}:\n  committed: {}\n  now:       {}\n\
         write it anew with: MC_BLESS=1 cargo test -p mc-controlplane --test it documents, and read the difference",
        first + 1,
        committed.lines().nth(first).unwrap_or("(end)"),
        text.lines().nth(first).unwrap_or("(end)"),
    );
}

fn document() -> Value {
    serde_json::to_value(controlplane::http::document()).unwrap()
}

#[test]
fn the_committed_openapi_document_is_current() {
    let text = serde_json::to_string_pretty(&document()).unwrap();
    same_as_committed("docs/openapi.json", &(text + "\n"));
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap_or_default();
            assert!(!name.is_empty() && names.insert(name.to_owned()), "{method} {path}: {name:?} is taken");
        }
    }
}

/// Every `$ref` of a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn everything_that_the_document_refers_to_is_in_it() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn the_committed_list_of_problems_is_current() {
    let mut text = String::from("status slug title\n");
    for kind in ProblemKind::ALL {
        writeln!(text, "{} {} {}", kind.status(), kind.slug(), kind.title()).unwrap();
    }
    same_as_committed("controlplane/tests/it/problems.txt", &text);
}

/// A line's path without the query it is called with.
fn route(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// Who may call it, as people read it.
fn who(who: Who) -> (String, &'static str) {
    match who {
        Who::Anonymous => ("-".into(), "everybody"),
        Who::Signed => ("-".into(), "whoever has a URL of ours that has not expired"),
        Who::Anyone => ("-".into(), "every valid token"),
        Who::Needs(action) => (format!("`{action}`"), action.least_role().as_str()),
        Who::Mine(action) => (format!("`{action}`"), "its owner"),
    }
}

#[test]
fn the_committed_table_of_roles_is_current() {
    let mut text = String::from(
        "# Who may do what\n\nGenerated from the table that the tests call as every role; a role includes those before it: viewer, contributor,\n\
         admin. It is the least role, in the organization or in the mission. Beside it an object may ask for more: only a requester withdraws,\n\
         nobody reviews or, beyond the profile `development`, approves the own work, and agents, nodes and service accounts decide nothing.\n\
         `/metrics` is open on loopback and needs a token elsewhere; `*` stands for every method.\n\n\
         | door | operation | action | least role |\n|---|---|---|---|\n",
    );
    for (method, path, needs, _) in OPERATIONS {
        let (action, role) = who(*needs);
        writeln!(text, "| HTTP | `{method} {}` | {action} | {role} |", route(path)).unwrap();
    }
    for (method, path, needs) in PLAIN {
        let (action, role) = who(*needs);
        writeln!(text, "| HTTP | `{method} {path}` | {action} | {role} |").unwrap();
    }
    for (_, _, needs, body) in TOOLS {
        let body: Value = serde_json::from_str(body).unwrap();
        let (action, role) = who(*needs);
        writeln!(text, "| MCP | `{}` | {action} | {role} |", body["tool"].as_str().unwrap()).unwrap();
    }
    for (call, role) in RPCS {
        writeln!(text, "| gRPC | `{call}` | - | {role} |").unwrap();
    }
    same_as_committed("docs/reference/roles.md", &text);
}

/// Every call of the uplink, and who may make it; `nodes` tests the refusals.
const RPCS: &[(&str, &str)] = &[
    ("Enroll/Challenge", "everybody"),
    ("Enroll/Join", "whoever holds a join token"),
    ("Enroll/Rejoin", "whoever holds the key of a node"),
    ("Node/Sync", "a node, by its certificate"),
    ("Node/Report", "a node, by its certificate"),
    ("Node/PutBlob", "a node, by its certificate"),
    ("Node/RenewLeases", "a node, by its certificate"),
    ("Node/ClaimTask", "a node, by its certificate"),
    ("Node/FetchSkills", "a node, by its certificate"),
    ("Node/ReportSkills", "a node, by its certificate"),
];

#[test]
fn every_call_of_the_uplink_is_in_the_table() {
    let proto = include_str!("../../../proto/missioncontrol/mesh/v1/mesh.proto");
    let (mut service, mut calls) = ("", BTreeSet::new());
    for line in proto.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("service ") {
            service = rest.split_whitespace().next().unwrap();
        } else if let Some(rest) = line.strip_prefix("rpc ") {
            calls.insert(format!("{service}/{}", rest.split('(').next().unwrap()));
        }
    }
    let listed: BTreeSet<String> = RPCS.iter().map(|(call, _)| (*call).to_owned()).collect();
    assert_eq!(calls, listed, "the calls of the uplink and their table in this file differ");
}

#[test]
fn every_operation_is_in_the_table() {
    let document = document();
    let served: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
            let has = methods.into_iter().filter(|method| item.get(method).is_some());
            has.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let listed: BTreeSet<(String, String)> =
        OPERATIONS.iter().map(|(method, path, ..)| ((*method).to_owned(), route(path).to_owned())).collect();
    let missing: Vec<_> = served.difference(&listed).collect();
    assert!(missing.is_empty(), "add a line to tests/it/operations.rs for each of {missing:?}");
    let stale: Vec<_> = listed.difference(&served).collect();
    assert!(stale.is_empty(), "remove from tests/it/operations.rs, they are not served: {stale:?}");
    assert_eq!(listed.len(), OPERATIONS.len(), "an operation is listed twice in tests/it/operations.rs");
}

/// The fields of a route that is printed, as they follow each other.
static METHODS: [&str; 9] = ["GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "CONNECT"];

/// Method and path of every route that is served; `*`: every method.
///
/// A router does not tell its routes, but it prints them. Should the form of that change, none is found here, and the
/// test fails.
fn served(app: &TestApp) -> BTreeSet<(String, String)> {
    let told = format!("{:?}", controlplane::http::router::router(app.app().clone()));
    let (own, _) = told.split_once("fallback_router: ").unwrap();
    let fields = METHODS.map(|method| format!(r"{}: (\w+), ", method.to_lowercase())).concat();
    let route =
        format!(r"RouteId\((\d+)\): MethodRouter\(MethodRouter \{{ {fields}fallback: .*?allow_header: (\w+)");
    let methods = |found: &regex::Captures<'_>| -> Vec<&'static str> {
        let own = METHODS.iter().zip(2_usize..).filter(|(_, field)| &found[*field] != "None");
        own.map(|(method, _)| *method).chain((&found[11] == "Skip").then_some("*")).collect()
    };
    let known: HashMap<String, Vec<&str>> = Regex::new(&route)
        .unwrap()
        .captures_iter(own)
        .map(|found| (found[1].to_owned(), methods(&found)))
        .collect();
    let path = Regex::new(r#"RouteId\((\d+)\): "([^"]+)""#).unwrap();
    let routes = path.captures_iter(own).flat_map(|found| {
        // What is no table of methods is a service that takes all of them.
        let methods = known.get(&found[1]).cloned().unwrap_or_else(|| vec!["*"]);
        let path = found[2].to_owned();
        methods.into_iter().map(move |method| (method.to_owned(), path.clone()))
    });
    routes.collect()
}

async fn every_route(app: TestApp) {
    let operations = OPERATIONS.iter().map(|(method, path, ..)| (*method, route(path)));
    let plain = PLAIN.iter().map(|(method, path, _)| (*method, *path));
    let listed: BTreeSet<(String, String)> =
        operations.chain(plain).map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    let served = served(&app);
    let missing: Vec<_> = served.difference(&listed).collect();
    assert!(missing.is_empty(), "the router has what no table of tests/it/operations.rs lists: {missing:?}");
    let stale: Vec<_> = listed.difference(&served).collect();
    assert!(stale.is_empty(), "remove from tests/it/operations.rs, the router has them not: {stale:?}");

    for (method, path, who) in PLAIN {
        let method = if *method == "*" { "POST" } else { *method };
        let path = path.replace("{*rest}", "index.html").replace("{*path}", "tasks");
        let answer = app.client.send(method, &path, "", &[], None).await;
        if *who == Who::Anonymous {
            assert!(!matches!(answer.status, 401 | 403 | 404 | 405), "{method} {path}: {}", answer.status);
        } else {
            answer.problem(401, "unauthenticated");
        }
    }
}

#[test]
fn every_route_is_in_a_table() {
    crate::harness::run(Database::Sqlite, "documents::every_route_is_in_a_table", every_route);
}

#[test]
fn anonymous_operations_say_so_in_the_document() {
    let document = document();
    for (method, path, who, _) in OPERATIONS {
        let operation = &document["paths"][route(path)][method.to_lowercase()];
        // `security: [{}]` means: none is needed. `/metrics` needs one beyond loopback.
        let open = operation["security"] == serde_json::json!([{}]);
        let expected = matches!(who, Who::Anonymous | Who::Signed) && *path != "/metrics";
        assert_eq!(open, expected, "{method} {path}: {}", operation["security"]);
    }
}
