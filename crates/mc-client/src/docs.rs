//! Docs and their versions.

use mc_api::Page;
use mc_api::doc::{CreateDoc, Doc, DocDiff, DocVersion, PublishDoc, PutDocVersion};
use mc_api::overlap::DocAnswer;
use reqwest::Method;

use crate::query::Scope;
use crate::transport::Call;
use crate::{Client, Error};

impl Client {
    /// Creates a doc with its first version.
    pub async fn create_doc(&self, body: &CreateDoc) -> Result<DocAnswer, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "docs"]).json(body)).await
    }

    /// Writes a new version of a doc.
    pub async fn put_doc_version(
        &self,
        reference: &str,
        scope: &Scope,
        body: &PutDocVersion,
    ) -> Result<DocAnswer, Error> {
        let path = ["api", "v1", "docs", reference, "versions"];
        self.json(Call::new(Method::POST, &path).query(scope.pairs()).json(body)).await
    }

    /// Publishes a version of a doc.
    pub async fn publish_doc(&self, reference: &str, scope: &Scope, body: &PublishDoc) -> Result<Doc, Error> {
        let path = ["api", "v1", "docs", reference, "publish"];
        self.json(Call::new(Method::POST, &path).query(scope.pairs()).json(body)).await
    }

    /// All versions of a doc, ascending.
    pub async fn doc_versions(&self, reference: &str, scope: &Scope) -> Result<Vec<DocVersion>, Error> {
        let path = ["api", "v1", "docs", reference, "versions"];
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let mut query = scope.pairs();
            query.push(("limit", mc_api::page::MAX_LIMIT.to_string()));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<DocVersion> = self.json(Call::get(&path).query(query)).await?;
            all.extend(page.items);
            match page.next_cursor {
                None => return Ok(all),
                next => cursor = next,
            }
        }
    }

    /// Compares two versions of a doc; by default the newest with the one before it.
    pub async fn doc_diff(
        &self,
        reference: &str,
        scope: &Scope,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Result<DocDiff, Error> {
        let mut query = scope.pairs();
        query.extend(from.map(|number| ("from", number.to_string())));
        query.extend(to.map(|number| ("to", number.to_string())));
        self.json(Call::get(&["api", "v1", "docs", reference, "diff"]).query(query)).await
    }

    /// The text of a version of a doc.
    pub async fn doc_text(&self, doc: &Doc, version: i64) -> Result<String, Error> {
        let id = doc.id.to_string();
        let query = vec![("version", version.to_string())];
        let response = self.send(Call::get(&["api", "v1", "docs", &id, "content"]).query(query)).await?;
        let status = response.status();
        let bytes = self.within(response.bytes()).await?;
        String::from_utf8(bytes.into()).map_err(|error| self.unexpected(status, error.to_string()))
    }
}
