//! `mc template`.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use mc_api::ProblemKind;
use mc_api::template::{CreateTemplate, TaskTemplate, TemplateBody};
use mc_client::Scope;

use super::get::done;
use crate::age::now;
use crate::args::TemplateCommand;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::view;

pub(super) async fn run(cx: &Invocation, command: TemplateCommand) -> anyhow::Result<()> {
    let client = cx.client()?;
    match command {
        TemplateCommand::Put { name, file } => {
            let body = read(&file)?;
            let mission = cx.mission()?;
            let scope = Scope { mission: Some(mission.clone()), kluster: None };
            match client.put_template(name.as_str(), &scope, &body).await {
                Ok(template) => {
                    let what = format!("version {}", template.number);
                    return done(cx, &template, &what);
                }
                Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
            let TemplateBody { description, parameters, task } = body;
            let body = CreateTemplate { mission, name, description, parameters, task };
            done(cx, &client.create::<TaskTemplate>(&body).await?, "created")
        }
        TemplateCommand::Versions { reference } => {
            let scope = Scope { mission: cx.scope()?.mission, kluster: None };
            let versions = client.template_versions(&reference, &scope).await?;
            cx.out.list(versions, |versions| view::rows(versions, now(), false))
        }
    }
}

/// A template's text, in YAML or JSON.
fn read(file: &Path) -> anyhow::Result<TemplateBody> {
    let shown = file.display();
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        text
    } else {
        std::fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?
    };
    serde_yaml_ng::from_str(&text).map_err(|error| Failure::Usage(format!("{shown}: {error}")).into())
}
