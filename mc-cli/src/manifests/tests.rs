//! Reading back what is printed, and refusing what is wrong.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Documents, String> {
    let mut documents = Documents::default();
    documents.add("f", text).map(|()| documents).map_err(|error| format!("{error:#}"))
}

#[test]
fn yaml_json_flat_objects_and_lists_mean_the_same() {
    let yaml = "apiVersion: missioncontrol.dev/v1\nkind: Task\nmetadata: {name: build, mission: a, kluster: k}\nspec:\n  title: T\n  dependsOn: [plan]\n";
    let json =
        r#"{"kind":"task","name":"build","mission":"a","kluster":"k","title":"T","depends_on":["plan"]}"#;
    let list = format!(r#"{{"items":[{json}],"next_cursor":null}}"#);
    let plain = |text: &str| {
        let task = read(text).unwrap().tasks.remove(0);
        (
            task.metadata.clone(),
            task.spec.title.clone(),
            task.spec.depends_on.clone(),
            task.wants("dependsOn"),
            task.wants("priority"),
        )
    };
    assert_eq!(plain(yaml), plain(json));
    assert_eq!(plain(json), plain(&list));
    assert!(plain(yaml).3 && !plain(yaml).4);
}

#[test]
fn several_documents_are_read_and_empty_ones_passed_over() {
    let text = "---\n---\napiVersion: missioncontrol.dev/v1\nkind: Mission\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: missioncontrol.dev/v1\nkind: Kluster\nmetadata: {name: k, mission: a}\nspec: {runtime: scripted}\n";
    let documents = read(text).unwrap();
    assert_eq!((documents.missions.len(), documents.klusters.len()), (1, 1));
    assert!(documents.klusters[0].wants("runtime") && !documents.klusters[0].wants("description"));
}

#[test]
fn mistakes_are_named_with_their_place() {
    let head = "apiVersion: missioncontrol.dev/v1\n";
    for (text, part) in [
        (format!("{head}kind: Mission\nmetadata: {{name: a}}\nspec: {{descripton: x}}\n"), "descripton"),
        (format!("{head}kind: Mission\nmetadata: {{name: A_B}}\n"), "1 to 63"),
        (format!("{head}kind: Mission\nmetadata: {{}}\n"), "metadata.name is missing"),
        (format!("{head}kind: Kluster\nmetadata: {{name: k}}\n"), "metadata.mission is missing"),
        (format!("{head}kind: Task\nmetadata: {{name: k, mission: a, kluster: k}}\nspec: {{}}\n"), "title"),
        (format!("{head}kind: Node\nmetadata: {{name: k}}\n"), "Mission, Kluster, Task or Doc"),
        ("apiVersion: v2\nkind: Mission\nmetadata: {name: a}\n".into(), "expected \"missioncontrol.dev/v1\""),
        ("hello".into(), "expected an object"),
        ("a: [".into(), "f"),
        (
            r#"{"kind":"task","name":"t","mission":"a","kluster":"k","title":"x","colour":"red"}"#.into(),
            "colour",
        ),
    ] {
        let message = read(&text).unwrap_err();
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

proptest! {
    #[test]
    fn print_then_parse_is_identity(
        name in "[a-z][a-z0-9]{0,10}",
        title in any::<String>(),
        description in any::<String>(),
        definition in "\\PC{0,40}",
        priority in prop::option::of(0..=100_i32),
        paths in prop::collection::vec(any::<String>(), 0..3),
        labels in prop::collection::btree_map("[a-z]{1,8}", "\\PC{0,12}", 0..3),
    ) {
        let spec = TaskSpec {
            title,
            description,
            definition_of_done: definition,
            priority,
            runtime: None,
            capabilities: vec!["yes".into(), "1".into()],
            paths,
            depends_on: vec!["a-1".into()],
            on_dependency_failure: None,
            review_gates: Some(1),
            max_attempts: None,
        };
        let metadata = Metadata {
            name: Some(name.parse().unwrap()),
            mission: Some("m".parse().unwrap()),
            kluster: Some("k".parse().unwrap()),
            labels: mc_api::Labels(labels),
            ..Metadata::default()
        };
        let manifest = manifest("Task", metadata.clone(), &spec);
        for text in [serde_yaml_ng::to_string(&manifest).unwrap(), serde_json::to_string(&manifest).unwrap()] {
            let mut documents = read(&text).unwrap();
            let back = documents.tasks.remove(0);
            prop_assert_eq!(&back.spec, &spec);
            prop_assert_eq!(&back.metadata, &metadata);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        drop(read(&text));
    }
}
