//! The pure rules of templates: what a template may say, and the task that it makes.

use std::collections::{BTreeMap, HashSet};

use mc_api::task::{CreateTask, OnDependencyFailure};
use mc_api::template::{CreateFromTemplate, MADE_BY, Parameter, TaskTemplate, TemplateBody, TemplateTask};
use mc_api::{Labels, Name};

use crate::error::Error;
use crate::missions::service::{MAX_TEXT_BYTES, check_text};

/// At most so many parameters.
const MAX_PARAMETERS: usize = 32;
/// At most so many choices of one parameter.
const MAX_CHOICES: usize = 64;
/// At most so many bytes in a value.
const MAX_VALUE_BYTES: usize = 4096;

/// A piece of a text with placeholders.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Parameter(&'t str),
}

/// Cuts a text into words and placeholders. `\{{` is a literal `{{`.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find("{{") {
        if at > 0 && rest.as_bytes()[at - 1] == b'\\' {
            found.extend([Piece::Text(&rest[..at - 1]), Piece::Text("{{")]);
            rest = &rest[at + 2..];
            continue;
        }
        let inside = &rest[at + 2..];
        let Some(end) = inside.find("}}") else {
            return Err("{{ is not closed by }}; write \\{{ for a literal one".into());
        };
        found.extend([Piece::Text(&rest[..at]), Piece::Parameter(inside[..end].trim())]);
        rest = &inside[end + 2..];
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

fn fill(text: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut filled = String::with_capacity(text.len());
    // Checked when the template was written.
    for piece in pieces(text).unwrap_or_default() {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Parameter(name) => filled.push_str(values.get(name).copied().unwrap_or_default()),
        }
    }
    filled
}

/// All texts of a task that may hold placeholders, with their pointers.
fn texts(task: &TemplateTask) -> Vec<(String, &str)> {
    let mut texts = vec![
        ("/task/title".to_owned(), task.title.as_str()),
        ("/task/description".to_owned(), &task.description),
        ("/task/definition_of_done".to_owned(), &task.definition_of_done),
    ];
    texts.extend(task.runtime.iter().map(|runtime| ("/task/runtime".to_owned(), runtime.as_str())));
    for (member, list) in
        [("capabilities", &task.capabilities), ("paths", &task.paths), ("depends_on", &task.depends_on)]
    {
        let at = |index| format!("/task/{member}/{index}");
        texts.extend(list.iter().enumerate().map(|(index, text)| (at(index), text.as_str())));
    }
    let labels = task.labels.iter();
    texts.extend(labels.map(|(key, value)| (format!("/task/labels/{}", escaped(key)), value.as_str())));
    texts
}

/// A token of a JSON pointer (RFC 6901).
fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Refuses what no template may say.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] that names the member.
pub(crate) fn check(body: &TemplateBody) -> Result<(), Error> {
    check_text("/description", &body.description, MAX_TEXT_BYTES)?;
    if body.parameters.len() > MAX_PARAMETERS {
        return Err(Error::invalid("/parameters", format!("at most {MAX_PARAMETERS} entries")));
    }
    let mut names = HashSet::new();
    for (index, parameter) in body.parameters.iter().enumerate() {
        if !names.insert(parameter.name.as_str()) {
            let message = format!("there are two parameters {}", parameter.name);
            return Err(Error::invalid(format!("/parameters/{index}/name"), message));
        }
        check_parameter(index, parameter)?;
    }
    for (pointer, text) in texts(&body.task) {
        check_text(&pointer, text, MAX_TEXT_BYTES)?;
        for piece in pieces(text).map_err(|message| Error::invalid(pointer.clone(), message))? {
            if let Piece::Parameter(name) = piece
                && !names.contains(name)
            {
                let name: String = name.chars().take(64).collect();
                return Err(Error::invalid(pointer, format!("{name:?} is no parameter of this template")));
            }
        }
    }
    check_numbers(&body.task)?;
    let labels = Labels(body.task.labels.clone());
    labels.check().map_err(|(key, rule)| Error::invalid(format!("/task/labels/{}", escaped(&key)), rule))
}

fn check_parameter(index: usize, parameter: &Parameter) -> Result<(), Error> {
    let at = |member: &str| format!("/parameters/{index}/{member}");
    check_text(&at("description"), &parameter.description, MAX_VALUE_BYTES)?;
    if parameter.choices.len() > MAX_CHOICES {
        return Err(Error::invalid(at("choices"), format!("at most {MAX_CHOICES} entries")));
    }
    for choice in &parameter.choices {
        check_text(&at("choices"), choice, MAX_VALUE_BYTES)?;
    }
    if let Some(default) = &parameter.default {
        check_text(&at("default"), default, MAX_VALUE_BYTES)?;
        check_choice(&at("default"), parameter, default)?;
    }
    Ok(())
}

fn check_choice(pointer: &str, parameter: &Parameter, value: &str) -> Result<(), Error> {
    if parameter.choices.is_empty() || parameter.choices.iter().any(|choice| choice == value) {
        return Ok(());
    }
    Err(Error::invalid(pointer, format!("one of: {}", parameter.choices.join(", "))))
}

fn check_numbers(task: &TemplateTask) -> Result<(), Error> {
    let ranges = [
        ("/task/priority", task.priority, 0..=100),
        ("/task/review_gates", task.review_gates, 0..=8),
        ("/task/max_attempts", task.max_attempts, 1..=100),
    ];
    for (pointer, value, range) in ranges {
        if value.is_some_and(|value| !range.contains(&value)) {
            return Err(Error::invalid(pointer, format!("{} to {}", range.start(), range.end())));
        }
    }
    if task.title.trim().is_empty() {
        return Err(Error::invalid("/task/title", "one line of 1 to 300 characters"));
    }
    Ok(())
}

/// The value of every parameter: the one given, else the default.
fn values<'r>(
    template: &'r TaskTemplate,
    given: &'r BTreeMap<String, String>,
) -> Result<BTreeMap<&'r str, &'r str>, Error> {
    for name in given.keys() {
        if !template.parameters.iter().any(|parameter| parameter.name.as_str() == name) {
            let known: Vec<&str> = template.parameters.iter().map(|one| one.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let pointer: String = escaped(name).chars().take(128).collect();
            let message = format!("template {} has no such parameter; it has: {known}", template.name);
            return Err(Error::invalid(format!("/parameters/{pointer}"), message));
        }
    }
    let mut values = BTreeMap::new();
    for parameter in &template.parameters {
        let name = parameter.name.as_str();
        let pointer = format!("/parameters/{name}");
        let value = given.get(name).or(parameter.default.as_ref());
        let value =
            value.ok_or_else(|| Error::invalid(pointer.clone(), "must be given; it has no default"))?;
        check_text(&pointer, value, MAX_VALUE_BYTES)?;
        check_choice(&pointer, parameter, value)?;
        values.insert(name, value.as_str());
    }
    Ok(values)
}

/// The task that a template makes of these values.
///
/// # Errors
/// [`mc_api::ProblemKind::Validation`] that names the parameter, or the member that does not come out right.
pub(crate) fn render(template: &TaskTemplate, request: &CreateFromTemplate) -> Result<CreateTask, Error> {
    let values = values(template, &request.parameters)?;
    let task = &template.task;
    let filled = |text: &String| fill(text, &values);
    let all = |list: &[String]| list.iter().map(filled).collect::<Vec<_>>();
    let runtime = match (&request.runtime, &task.runtime) {
        (Some(runtime), _) => Some(runtime.clone()),
        (None, Some(text)) => {
            let name = filled(text).parse::<Name>();
            Some(name.map_err(|error| Error::invalid("/runtime", error.to_string()))?)
        }
        (None, None) => None,
    };
    let mut labels: BTreeMap<String, String> =
        task.labels.iter().map(|(key, value)| (key.clone(), filled(value))).collect();
    labels.extend(request.labels.0.clone());
    let labels = Labels(labels);
    labels.check().map_err(|(key, rule)| Error::invalid(format!("/labels/{}", escaped(&key)), rule))?;
    let made_by = format!("{}@{}", template.name, template.number);
    Ok(CreateTask {
        mission: template.mission_id.to_string(),
        kluster: request.kluster.clone(),
        title: request.title.clone().unwrap_or_else(|| filled(&task.title)),
        name: request.name.clone(),
        description: filled(&task.description),
        definition_of_done: filled(&task.definition_of_done),
        parent: None,
        priority: request.priority.or(task.priority).unwrap_or(50),
        runtime,
        capabilities: all(&task.capabilities),
        paths: all(&task.paths),
        depends_on: all(&task.depends_on).into_iter().chain(request.depends_on.clone()).collect(),
        on_dependency_failure: task.on_dependency_failure.unwrap_or(OnDependencyFailure::Block),
        review_gates: task.review_gates.unwrap_or(0),
        max_attempts: task.max_attempts.unwrap_or(3),
        labels,
        annotations: Labels(BTreeMap::from([(MADE_BY.to_owned(), made_by)])),
        acknowledge_overlap: request.acknowledge_overlap.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_placeholders() {
        use Piece::{Parameter, Text};
        assert_eq!(
            pieces("fix {{ bug}} in {{x}}").unwrap(),
            [Text("fix "), Parameter("bug"), Text(" in "), Parameter("x"), Text("")]
        );
        assert_eq!(pieces("a \\{{ b }}").unwrap(), [Text("a "), Text("{{"), Text(" b }}")]);
        assert!(pieces("open {{ end").is_err());
    }

    #[test]
    fn values_are_filled_in_once() {
        let values = BTreeMap::from([("a", "{{ b }}"), ("b", "no")]);
        assert_eq!(fill("{{ a }}/\\{{ a }}", &values), "{{ b }}/{{ a }}");
    }
}
