use super::*;

fn rows(text: &str, format: ImportFormat, mapping: &[(&str, &str)]) -> Rows {
    let mapping: Vec<_> = mapping.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Rows::read(text.as_bytes(), format, &mapping).unwrap()
}

#[test]
fn columns_are_mapped_and_bad_rows_name_line_and_field() {
    let text = "Ref,Summary,prio,depends_on,Extra\na,First,90,b,x\nb,\"Two\nlines\",,,\nc,Third,high,,\n,No id,,,\na,Again,,,\n";
    let mut found =
        rows(text, ImportFormat::Csv, &[("external_id", "Ref"), ("title", "Summary"), ("priority", "prio")]);
    let bad: Vec<_> = found.bad.iter().map(|bad| (bad.line, bad.error.pointer.as_str())).collect();
    assert_eq!(bad, [(3, "/title"), (5, "/priority"), (6, "/external_id"), (7, "/external_id")]);
    assert_eq!(found.unused, ["Extra"]);
    let batch = found.batch(0, 10, false).unwrap();
    assert_eq!(
        (batch.len(), batch[0].priority, batch[0].depends_on.as_slice()),
        (1, Some(90), &["b".to_owned()][..])
    );
    assert!(Rows::read(&b"a,b\n"[..], ImportFormat::Csv, &[("title".into(), "c".into())]).is_err());
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let lines = |text: &str| -> Vec<i64> {
        let mut found = rows(text, ImportFormat::Csv, &[]);
        found.batch(0, 10, false).unwrap().into_iter().map(|row| row.line).collect()
    };
    assert_eq!(lines("id,title\na,A\nb,B\n"), [2, 3]);
    assert_eq!(lines("id,title\r\na,A\r\nb,B\r\n"), [2, 3]);
    assert_eq!(lines("id,title\n\n\na,A\n\nb,B"), [4, 6]);
    assert_eq!(lines("id,title,description\r\n\r\na,A,\"x\r\ny\"\r\n\r\nb,B,\r\n"), [3, 6]);
    let many: Vec<String> = (0..5000).map(|n| format!("{n},T{n}\r\n")).collect();
    let many = many.concat();
    let bad = rows(&format!("id,title\r\n{many}x\r\n"), ImportFormat::Csv, &[]).bad;
    assert_eq!(bad[0].line, 5002);
}

#[test]
fn a_column_that_is_there_twice_is_refused_when_it_is_read() {
    let error = Rows::read(&b"id,title,title\n1,A,B\n"[..], ImportFormat::Csv, &[]).map(drop).unwrap_err();
    assert!(error.to_string().contains("two columns \"title\""), "{error}");
    // Trackers write columns twice that nobody asked for.
    assert_eq!(rows("id,title,Sprint,Sprint\n1,A,x,y\n", ImportFormat::Csv, &[]).len(), 1);
}

#[test]
fn rows_come_after_those_they_wait_for_and_circles_are_named() {
    let text = r#"{"id":"c","title":"C","depends_on":["a","b"]}
{"id":"b","title":"B","depends_on":"a; z"}

{"id":"a","title":"A"}
{"id":"x","title":"X","depends_on":["y"]}
{"id":"y","title":"Y","depends_on":["x"]}
[1]
"#;
    let mut found = rows(text, ImportFormat::Jsonl, &[]);
    let ids: Vec<_> = found.batch(0, 10, false).unwrap().into_iter().map(|row| row.external_id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let later = found.batch(2, 10, true).unwrap();
    assert!(later[0].depends_on.is_empty(), "a dry run kept nothing of what came before");
    let bad: Vec<_> = found.bad.iter().map(|bad| (bad.line, bad.error.pointer.as_str())).collect();
    assert_eq!(bad, [(7, ""), (5, "/depends_on"), (6, "/depends_on")]);
}

#[test]
fn issues_are_read_as_they_are_exported() {
    let text = r#"[{"number":1,"title":"One","body":"Blocked by #2","labels":[{"id":"x","name":"area: ui","color":"f"}],"state":"OPEN","assignees":[{"login":"ann"}],"url":"https://github.com/o/n/issues/1"},
        {"number":2,"title":"Two","body":null,"labels":[],"state":"CLOSED","assignees":[],"url":""},{"title":"no number"}]"#;
    let mut found = rows(text, ImportFormat::GithubIssues, &[]);
    assert_eq!(found.repository.as_deref(), Some("github.com/o/n"));
    assert_eq!((found.len(), found.bad.len(), found.bad[0].line), (2, 1, 3));
    let batch = found.batch(0, 10, false).unwrap();
    assert!(batch[0].depends_on.is_empty(), "what is closed holds nothing up");
    assert_eq!(batch[0].labels.0["area"], "ui");
    assert_eq!(batch[0].annotations.0["issue/assignees"], "ann");
    assert!(batch[1].closed && !batch[1].not_planned);
    let text = r#"[{"number":3,"title":"T","state":"CLOSED","stateReason":"NOT_PLANNED"}]"#;
    let batch = rows(text, ImportFormat::GithubIssues, &[]).batch(0, 1, false).unwrap();
    assert!(batch[0].closed && batch[0].not_planned);
    assert!(Rows::read(&b"{}"[..], ImportFormat::GithubIssues, &[]).is_err());
}
