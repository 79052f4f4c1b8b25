//! What `mc apply` decides without asking anyone: the order of tasks, and the change that makes one object of another.
//!
//! Only members that a manifest writes are compared, so what others set and the manifest does not mention stays.

#![expect(clippy::option_option, reason = "JSON Merge Patch: absent keeps, null empties, a value sets")]

use std::collections::{HashMap, HashSet};

use mc_api::Labels;
use mc_api::doc::{Doc, UpdateDoc};
use mc_api::kluster::{Kluster, UpdateKluster};
use mc_api::manifest::{DocSpec, KlusterSpec, Metadata, MissionSpec, TaskSpec};
use mc_api::mission::{Mission, UpdateMission};
use mc_api::task::{OnDependencyFailure, Task, UpdateTask};

use crate::exit::Failure;
use crate::manifests::Wanted;

/// Mission, kluster and name of a task.
pub type Place = (String, String, String);

/// The place of a task that a manifest names.
pub fn place(metadata: &Metadata) -> Place {
    let text = |name: &Option<mc_api::Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
    (text(&metadata.mission), text(&metadata.kluster), text(&metadata.name))
}

/// Orders tasks so that each comes after those it names in `dependsOn`; else as they were written.
///
/// # Errors
/// [`Failure::Usage`] for a circle or a task written twice.
pub fn order(tasks: Vec<Wanted<TaskSpec>>) -> Result<Vec<Wanted<TaskSpec>>, Failure> {
    let mut index = HashMap::new();
    for (at, task) in tasks.iter().enumerate() {
        if index.insert(place(&task.metadata), at).is_some() {
            return Err(Failure::Usage(format!("{}: the same task is written twice", task.source)));
        }
    }
    let waits_for: Vec<Vec<usize>> = tasks
        .iter()
        .map(|task| {
            let (mission, kluster, _) = place(&task.metadata);
            let here = |name: &String| index.get(&(mission.clone(), kluster.clone(), name.clone())).copied();
            task.spec.depends_on.iter().filter_map(here).collect()
        })
        .collect();
    let mut placed = HashSet::new();
    let mut sequence = Vec::with_capacity(tasks.len());
    while sequence.len() < tasks.len() {
        let free = |at: &usize| !placed.contains(at) && waits_for[*at].iter().all(|on| placed.contains(on));
        let Some(next) = (0..tasks.len()).find(free) else {
            let names: Vec<String> = (0..tasks.len())
                .filter(|at| !placed.contains(at))
                .map(|at| place(&tasks[at].metadata).2)
                .collect();
            return Err(Failure::Usage(format!("dependsOn leads in a circle: {}", names.join(", "))));
        };
        placed.insert(next);
        sequence.push(next);
    }
    let mut tasks: Vec<Option<Wanted<TaskSpec>>> = tasks.into_iter().map(Some).collect();
    Ok(sequence.into_iter().filter_map(|at| tasks[at].take()).collect())
}

/// A member to send when it is written and differs.
fn differs<T: PartialEq>(written: bool, is: &T, should: T) -> Option<Option<T>> {
    (written && *is != should).then_some(Some(should))
}

/// As [`differs`] for a member that may be empty.
fn differs_or_empties<T: PartialEq + Clone>(
    written: bool,
    is: Option<&T>,
    should: Option<&T>,
) -> Option<Option<T>> {
    (written && is != should).then(|| should.cloned())
}

fn labels(is: &Labels, should: &Labels) -> Option<Option<Labels>> {
    differs(!should.0.is_empty(), is, should.clone())
}

/// The change that makes a mission what is wanted; `None` when it is that already.
pub fn mission(is: &Mission, wanted: &Wanted<MissionSpec>) -> Option<UpdateMission> {
    let patch = UpdateMission {
        description: differs(wanted.wants("description"), &is.description, wanted.spec.description.clone()),
        labels: labels(&is.labels, &wanted.metadata.labels),
        annotations: labels(&is.annotations, &wanted.metadata.annotations),
        overlap_policy: None,
        paused: None,
    };
    (patch != UpdateMission::default()).then_some(patch)
}

/// The change that makes a kluster what is wanted; `None` when it is that already.
pub fn kluster(is: &Kluster, wanted: &Wanted<KlusterSpec>) -> Option<UpdateKluster> {
    let spec = &wanted.spec;
    let patch = UpdateKluster {
        description: differs(wanted.wants("description"), &is.description, spec.description.clone()),
        runtime: differs_or_empties(wanted.wants("runtime"), is.runtime.as_ref(), spec.runtime.as_ref()),
        max_running: differs_or_empties(
            wanted.wants("maxRunning"),
            is.max_running.as_ref(),
            spec.max_running.as_ref(),
        ),
        labels: labels(&is.labels, &wanted.metadata.labels),
        annotations: labels(&is.annotations, &wanted.metadata.annotations),
        overlap_policy: None,
    };
    (patch != UpdateKluster::default()).then_some(patch)
}

/// The change of metadata that makes a doc what is wanted; `None` when it is that already. Its text is another matter.
pub fn doc(is: &Doc, wanted: &Wanted<DocSpec>) -> Option<UpdateDoc> {
    let spec = &wanted.spec;
    let media_type = spec.media_type.as_ref().filter(|wanted| **wanted != is.media_type);
    let patch = UpdateDoc {
        title: spec.title.clone().filter(|title| *title != is.title),
        media_type: media_type.map(|media_type| Some(media_type.clone())),
        labels: labels(&is.labels, &wanted.metadata.labels),
        annotations: labels(&is.annotations, &wanted.metadata.annotations),
        acknowledge_overlap: Vec::new(),
    };
    (patch != UpdateDoc::default()).then_some(patch)
}

/// The change that makes a task what is wanted; `None` when it is that already. `depends_on` are the keys of the
/// tasks that the manifest's `dependsOn` means.
pub fn task(is: &Task, wanted: &Wanted<TaskSpec>, depends_on: &[String]) -> Option<UpdateTask> {
    let spec = &wanted.spec;
    let writes = |member: &str| wanted.wants(member);
    let set = |keys: &[String]| keys.iter().cloned().collect::<HashSet<_>>();
    let are: Vec<String> = is.depends_on.iter().map(|on| on.key.clone()).collect();
    let other_edges = writes("dependsOn") && set(&are) != set(depends_on);
    let patch = UpdateTask {
        title: (is.title != spec.title).then(|| spec.title.clone()),
        description: differs(writes("description"), &is.description, spec.description.clone()),
        definition_of_done: differs(
            writes("definitionOfDone"),
            &is.definition_of_done,
            spec.definition_of_done.clone(),
        ),
        priority: differs(writes("priority"), &is.priority, spec.priority.unwrap_or(50)),
        runtime: differs_or_empties(writes("runtime"), is.runtime.as_ref(), spec.runtime.as_ref()),
        capabilities: differs(writes("capabilities"), &is.capabilities, spec.capabilities.clone()),
        paths: differs(writes("paths"), &is.paths, spec.paths.clone()),
        depends_on: other_edges.then(|| Some(depends_on.to_vec())),
        on_dependency_failure: differs(
            writes("onDependencyFailure"),
            &is.on_dependency_failure,
            spec.on_dependency_failure.unwrap_or(OnDependencyFailure::Block),
        ),
        review_gates: differs(writes("reviewGates"), &is.review_gates, spec.review_gates.unwrap_or(0)),
        max_attempts: differs(writes("maxAttempts"), &is.max_attempts, spec.max_attempts.unwrap_or(3)),
        labels: labels(&is.labels, &wanted.metadata.labels),
        annotations: labels(&is.annotations, &wanted.metadata.annotations),
        acknowledge_overlap: Vec::new(),
    };
    (patch != UpdateTask::default()).then_some(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Documents;

    fn tasks(edges: &[(&str, &[&str])]) -> Vec<Wanted<TaskSpec>> {
        let mut documents = Documents::default();
        for (name, on) in edges {
            let text = format!(
                r#"{{"kind":"task","name":"{name}","mission":"m","kluster":"k","title":"T","depends_on":{on:?}}}"#
            );
            documents.add("f", &text).unwrap();
        }
        documents.tasks
    }

    fn names(tasks: &[Wanted<TaskSpec>]) -> Vec<String> {
        tasks.iter().map(|task| place(&task.metadata).2).collect()
    }

    #[test]
    fn dependencies_come_first_and_the_rest_stays() {
        let ordered =
            order(tasks(&[("c", &["b", "elsewhere-1"]), ("x", &[]), ("b", &["a"]), ("a", &[])])).unwrap();
        assert_eq!(names(&ordered), ["x", "a", "b", "c"]);
    }

    #[test]
    fn circles_and_doubles_are_named() {
        let circle = order(tasks(&[("a", &["b"]), ("b", &["a"]), ("c", &[])])).unwrap_err();
        assert!(circle.to_string().contains("a, b"), "{circle}");
        assert!(order(tasks(&[("a", &[]), ("a", &[])])).is_err());
    }

    #[test]
    fn only_what_is_written_and_differs_is_changed() {
        let is: Mission = serde_json::from_str(
            r#"{"id":"mis_0190abcd000000000000000000000000","name":"m","description":"old","key_prefix":"m","labels":{"a":"1"},"annotations":{},"version":3,"created_by":"prn_0190abcd000000000000000000000000","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}"#,
        )
        .unwrap();
        let patch = |text: &str| {
            let mut documents = Documents::default();
            documents.add("f", text).unwrap();
            mission(&is, &documents.missions[0])
        };
        assert_eq!(patch(r#"{"kind":"mission","name":"m"}"#), None);
        assert_eq!(patch(r#"{"kind":"mission","name":"m","description":"old","labels":{"a":"1"}}"#), None);
        let change = patch(r#"{"kind":"mission","name":"m","description":""}"#).unwrap();
        assert_eq!(
            change,
            UpdateMission { description: Some(Some(String::new())), ..UpdateMission::default() }
        );
    }
}
