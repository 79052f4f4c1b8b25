//! `mc create`.

use mc_api::Labels;
use mc_api::auth::{CreatePrincipal, Principal};
use mc_api::kluster::{CreateKluster, Kluster};
use mc_api::mission::{CreateMission, Mission};
use mc_api::session::{AgentSession, CreateSession};
use mc_api::task::OnDependencyFailure;
use mc_api::template::CreateFromTemplate;
use mc_client::{Client, Creatable, Scope};

use super::get::done;
use crate::args::{Create, CreateTask, DryRun, Selector};
use crate::context::Invocation;
use crate::view::View;

pub(super) async fn run(cx: &Invocation, args: Create) -> anyhow::Result<()> {
    let client = cx.client()?;
    match args {
        Create::Mission { name, description, labels, dry_run } => {
            let body = CreateMission {
                name,
                description,
                labels: to_labels(labels),
                annotations: Labels::default(),
            };
            make::<Mission>(cx, &client, &body, &body.name, dry_run).await
        }
        Create::Kluster { name, description, runtime, max_running, labels, dry_run } => {
            let body = CreateKluster {
                mission: cx.mission()?,
                name,
                description,
                runtime,
                max_running,
                labels: to_labels(labels),
                annotations: Labels::default(),
            };
            make::<Kluster>(cx, &client, &body, &body.name, dry_run).await
        }
        Create::Task(args) => {
            let args = *args;
            if let Some(template) = &args.template {
                return of_template(cx, &client, template.clone(), args).await;
            }
            let body = mc_api::task::CreateTask {
                mission: cx.mission()?,
                kluster: cx.kluster()?,
                title: args.title,
                name: args.name,
                description: args.description,
                definition_of_done: args.definition_of_done,
                parent: None,
                priority: args.priority.unwrap_or(50),
                runtime: args.runtime,
                capabilities: args.capabilities,
                paths: args.paths,
                depends_on: args.depends_on,
                on_dependency_failure: OnDependencyFailure::Block,
                review_gates: args.review_gates,
                max_attempts: args.max_attempts,
                labels: to_labels(args.labels),
                annotations: Labels::default(),
                acknowledge_overlap: args.acknowledge_overlap,
            };
            match args.dry_run {
                None => super::overlap::created(cx, &client.create_task(&body).await?, "created"),
                Some(DryRun::Server) => {
                    super::overlap::created(cx, &client.rehearse_task(&body).await?, TRIED)
                }
                Some(DryRun::Client) => {
                    let name = body.name.as_ref().map_or(body.title.as_str(), mc_api::Name::as_str);
                    cx.out.did("task", name, TRIED)
                }
            }
        }
        Create::Session(args) => {
            let body = CreateSession {
                mission: cx.mission()?,
                runtime: args.runtime,
                task: args.task,
                node: args.node,
                cwd: args.cwd,
                labels: to_labels(args.labels),
            };
            done(cx, &client.create::<AgentSession>(&body).await?, "created")
        }
        Create::Connection(args) => super::persistence::create_connection(cx, *args).await,
        Create::Binding(args) => super::persistence::create_binding(cx, args).await,
        Create::Principal { name, principal_kind, role } => {
            let body = CreatePrincipal { name, principal_kind, role };
            done(cx, &client.create::<Principal>(&body).await?, "created")
        }
    }
}

/// What is said of a creation that was only tried.
const TRIED: &str = "created (dry run)";

async fn make<R: View + Creatable>(
    cx: &Invocation,
    client: &Client,
    body: &R::Create,
    name: &mc_api::Name,
    dry_run: Option<DryRun>,
) -> anyhow::Result<()> {
    match dry_run {
        None => done(cx, &client.create::<R>(body).await?, "created"),
        Some(DryRun::Server) => done(cx, &client.rehearse::<R>(body).await?, TRIED),
        Some(DryRun::Client) => cx.out.did(R::KIND, name.as_str(), TRIED),
    }
}

async fn of_template(
    cx: &Invocation,
    client: &Client,
    template: String,
    args: CreateTask,
) -> anyhow::Result<()> {
    let body = CreateFromTemplate {
        kluster: cx.kluster()?,
        number: args.template_version,
        parameters: args.parameters.into_iter().collect(),
        name: args.name,
        title: Some(args.title).filter(|title| !title.is_empty()),
        priority: args.priority,
        runtime: args.runtime,
        depends_on: args.depends_on,
        labels: to_labels(args.labels),
        acknowledge_overlap: args.acknowledge_overlap,
    };
    let scope = Scope { mission: Some(cx.mission()?), kluster: None };
    super::overlap::created(cx, &client.create_from_template(&template, &scope, &body).await?, "created")
}

pub(super) fn to_labels(selector: Option<Selector>) -> Labels {
    Labels(selector.unwrap_or_default().0.into_iter().collect())
}
