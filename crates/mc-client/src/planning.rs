//! Planning: why a task is not running, and templates.

use mc_api::Page;
use mc_api::apply::{Apply, ApplyAnswer, FieldOwners, ImportAnswer, ImportTasks};
use mc_api::overlap::TaskAnswer;
use mc_api::template::{CreateFromTemplate, TaskTemplate, TemplateBody};
use mc_api::why::TaskWhy;
use reqwest::Method;

use crate::query::Scope;
use crate::transport::Call;
use crate::{Client, Error};

impl Client {
    /// Why a task is not running.
    pub async fn why_task(&self, reference: &str, scope: &Scope) -> Result<TaskWhy, Error> {
        self.json(Call::get(&["api", "v1", "tasks", reference, "why"]).query(scope.pairs())).await
    }

    /// Writes the next version of a template.
    pub async fn put_template(
        &self,
        reference: &str,
        scope: &Scope,
        body: &TemplateBody,
    ) -> Result<TaskTemplate, Error> {
        let path = ["api", "v1", "templates", reference, "versions"];
        self.json(Call::new(Method::POST, &path).query(scope.pairs()).json(body)).await
    }

    /// All versions of a template, ascending.
    pub async fn template_versions(
        &self,
        reference: &str,
        scope: &Scope,
    ) -> Result<Vec<TaskTemplate>, Error> {
        let path = ["api", "v1", "templates", reference, "versions"];
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let mut query = scope.pairs();
            query.push(("limit", mc_api::page::MAX_LIMIT.to_string()));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<TaskTemplate> = self.json(Call::get(&path).query(query)).await?;
            all.extend(page.items);
            match page.next_cursor {
                None => return Ok(all),
                next => cursor = next,
            }
        }
    }

    /// Creates a task of a template.
    pub async fn create_from_template(
        &self,
        reference: &str,
        scope: &Scope,
        body: &CreateFromTemplate,
    ) -> Result<TaskAnswer, Error> {
        let path = ["api", "v1", "templates", reference, "tasks"];
        self.json(Call::new(Method::POST, &path).query(scope.pairs()).json(body)).await
    }

    /// Applies manifests: all of them, or none.
    pub async fn apply(&self, body: &Apply) -> Result<ApplyAnswer, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "apply"]).json(body)).await
    }

    /// Who owns the fields of an object.
    pub async fn field_owners(&self, id: &str) -> Result<FieldOwners, Error> {
        self.json(Call::get(&["api", "v1", "apply", "owners", id])).await
    }

    /// Imports a batch of tasks.
    pub async fn import_tasks(&self, body: &ImportTasks) -> Result<ImportAnswer, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "tasks", "import"]).json(body)).await
    }
}
