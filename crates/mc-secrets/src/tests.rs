//! Built from pieces, so that no tool that looks for credentials stops at this file.

use super::*;

fn sorts(text: &str) -> Vec<&'static str> {
    scrub(text).1.into_iter().map(|finding| finding.sort).collect()
}

#[test]
fn known_credentials_are_found_and_replaced() {
    let body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    let jwt =
        ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"].join(".");
    for (text, sort) in [
        (format!("use mcs_{body} here"), "missioncontrol-token"),
        (format!("mcp_{body}"), "missioncontrol-token"),
        (format!("AK{}", "IAIOSFODNN7EXAMPLE"), "aws-access-key"),
        (format!("gh{}_{body}", 'p'), "github-token"),
        (format!("github{}_11ABCDEFG0{body}", "_pat"), "github-token"),
        (format!("gl{}-{}", "pat", &body[..20]), "gitlab-token"),
        (format!("xo{}-123456789012-123456789012-{}", "xb", &body[..24]), "slack-token"),
        (jwt.clone(), "jwt"),
        (format!("sk-{}-api03-{body}", "ant"), "anthropic-key"),
        (format!("Authorization: Bearer {body}"), "authorization-header"),
        ("postgres://app:hunter2!@db.internal:5432/app".into(), "url-password"),
        ("DB_PASSWORD=hunter2!".into(), "assigned-secret"),
        ("\"password\": \"correct7horse\"".into(), "assigned-secret"),
        (format!("aws_secret_access_key = {body}/abc"), "assigned-secret"),
        (format!("client_secret: '{body}'"), "assigned-secret"),
        (format!("export API_TOKEN={body}"), "assigned-secret"),
    ] {
        let (clean, found) = scrub(&text);
        assert_eq!(found.iter().map(|one| one.sort).collect::<Vec<_>>(), [sort], "{text}");
        assert!(clean.contains(&marker(sort)), "{clean}");
        assert!(
            !clean.contains(body) && !clean.contains("hunter2") && !clean.contains("correct7"),
            "{clean}"
        );
        assert!(sorts(&clean).is_empty(), "what is clean stays clean: {clean}");
    }
}

#[test]
fn a_private_key_is_taken_out_whole_and_its_line_is_told() {
    let key = format!(
        "-----BEGIN OPENSSH {0}-----\nb3BlbnNzaC1rZXktdjE\nAAAAbm9uZQ\n-----END OPENSSH {0}-----",
        "PRIVATE KEY"
    );
    let (clean, found) = scrub(Box::leak(format!("one\ntwo {key} three\nfour\n").into_boxed_str()));
    assert_eq!(found, [Finding { line: 2, sort: "private-key" }]);
    assert!(!clean.contains("b3Blbn") && !clean.contains("AAAA"), "{clean}");
    assert!(
        clean.starts_with("one\ntwo [scrubbed:private-key]") && clean.ends_with(" three\nfour\n"),
        "{clean:?}"
    );
    // In one line, as JSON has it.
    let (clean, found) = scrub(Box::leak(format!("x {} y", key.replace('\n', "\\n")).into_boxed_str()));
    assert_eq!((clean.as_ref(), found.len()), ("x [scrubbed:private-key] y", 1));
    // Public keys and certificates are no secrets.
    assert!(sorts("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----").is_empty());
    assert!(sorts("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----").is_empty());
}

#[test]
fn ordinary_texts_hold_none() {
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for text in [
        format!("checksum = \"{hash}\""),
        format!("sha256: {hash}"),
        format!("token_sha256 = {hash}"),
        format!("commit {hash}"),
        "id: 0190a5c2-7b1e-7000-8000-000000000001".into(),
        "token: 0190a5c2-7b1e-7000-8000-000000000001".into(),
        "task_0190a5c27b1e70008000000000000001".into(),
        "integrity sha512-2GGtgFVJYVbTDN0JbXJcQ0bJ0kL1m2n3o4p5q6r7s8t9u0v1w2x3y4z5A6B7C8D9E0F1G2H3I4J5K6L7M8N9==".into(),
        "\"js-tokens\": \"^4.0.0\"".into(),
        "js-tokens@^3.0.0 || ^4.0.0:\n  version \"4.0.0\"".into(),
        "csrf-token: 3.1.0-beta.20240101".into(),
        "The password: at least 12 characters.".into(),
        "password = std::env::var(\"DB_PASSWORD\")".into(),
        "password: ${DB_PASSWORD}".into(),
        "password: {{ .Values.password }}".into(),
        "password: <your password>".into(),
        "secretName: db-credentials-for-production".into(),
        "let token = next_token(input);".into(),
        "token: Option<String>".into(),
        "tokens: 123456".into(),
        "max_tokens = 1000000000000000000".into(),
        "token_endpoint: https://login.example.com/oauth2/v2.0/token".into(),
        "tokens_path = /var/lib/app/tokens-2024".into(),
        "postgres://user:password@localhost/db".into(),
        "postgres://app:$DB_PASSWORD@localhost/db".into(),
        "https://host.example:8443/path".into(),
        "ssh://git@host.example:22/x.git".into(),
        "AWS keys begin with AKIA and have 20 characters".into(),
        "mcp_call_upstream_server_with_arguments".into(),
        "mc_db_transaction_retries_total".into(),
        "rotate the secret every 90 days; the token expires in 3600 seconds".into(),
        "- [ ] api key: ask the team, see runbook".into(),
        "passwordHash: $2b$12$abcdefghijklmnopqrstuv".into(),
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk".into(),
    ] {
        assert_eq!(sorts(&text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn a_long_line_is_looked_through_to_its_end() {
    let token = format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p');
    for gap in [0, 10, MAX_PIECE - 20, MAX_PIECE, MAX_PIECE + 30, 3 * MAX_PIECE + 7] {
        let text = format!("{} {token} {token} ä", "-".repeat(gap));
        let (clean, found) = scrub(&text);
        assert_eq!(found.len(), 2, "{gap}");
        assert!(!clean.contains("a1B2c3") && clean.ends_with(" ä"), "{gap}");
    }
}

#[test]
fn credentials_in_content_that_is_no_text_are_written_over_in_place() {
    let token = format!("gh{}_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", 'p');
    for gap in [0, 11, MAX_PIECE - 20, 3 * MAX_PIECE + 7] {
        let mut line = vec![0, 159, 146];
        line.extend(vec![b'-'; gap]);
        line.push(b' ');
        line.extend(token.as_bytes());
        line.extend([0, 255]);
        line.extend(format!("token={token}").as_bytes());
        line.extend([1, b'\n']);
        let mut scanner = Scanner::default();
        let clean = scanner.bytes(&line).into_owned();
        assert_eq!(scanner.findings.len(), 2, "{gap}");
        assert_eq!(clean.len(), line.len());
        assert!(!String::from_utf8_lossy(&clean).contains("a1B2c3"), "{gap}");
        let kept = clean.iter().zip(&line).filter(|(now, before)| now == before).count();
        assert_eq!(kept, line.len() - 2 * token.len(), "everything else stays");
    }
    let mut scanner = Scanner::default();
    let noise: Vec<u8> = (0..=255).cycle().take(9000).collect();
    assert!(matches!(scanner.bytes(&noise), std::borrow::Cow::Borrowed(_)));
}
