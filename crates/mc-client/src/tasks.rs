//! The moves of a task.

use mc_api::Page;
use mc_api::overlap::{
    AcceptOverlap, CheckOverlap, DismissOverlap, OverlapCheck, OverlapSuggestion, TaskAnswer,
};
use mc_api::search::SearchPage;
use mc_api::task::{
    ClaimNextTask, ClaimTask, CompleteTask, CountBy, CreateTask, FailTask, Heartbeat, ReleaseTask,
    ReportProgress, Task, TaskCounts, TaskNote,
};
use reqwest::Method;
use serde::Serialize;

use crate::query::Scope;
use crate::transport::Call;
use crate::{Client, Error};

macro_rules! moves {
    ($($(#[$meta:meta])* $name:ident($body:ty) = $verb:literal;)+) => {
        impl Client {
            $($(#[$meta])*
            pub async fn $name(&self, reference: &str, scope: &Scope, body: &$body) -> Result<Task, Error> {
                self.move_task(reference, scope, $verb, body).await
            })+
        }
    };
}

moves! {
    /// Claims one named task.
    claim_task(ClaimTask) = "claim";
    /// Renews the lease.
    heartbeat(Heartbeat) = "heartbeat";
    /// Reports progress and renews the lease.
    report_progress(ReportProgress) = "progress";
    /// Completes the task.
    complete_task(CompleteTask) = "complete";
    /// Gives the task up.
    fail_task(FailTask) = "fail";
    /// Gives the claim back.
    release_task(ReleaseTask) = "release";
    /// Calls the task off.
    cancel_task(TaskNote) = "cancel";
    /// Holds the task back.
    block_task(TaskNote) = "block";
    /// Lets a held task go on.
    unblock_task(TaskNote) = "unblock";
    /// Brings a failed task back.
    retry_task(TaskNote) = "retry";
    /// Accepts a task in review.
    accept_task(TaskNote) = "accept";
    /// Sends a task in review back.
    reject_task(TaskNote) = "reject";
}

impl Client {
    /// A page of counts of tasks by state, one line for each mission or kluster.
    pub async fn task_counts(
        &self,
        scope: &Scope,
        by: Option<CountBy>,
        cursor: Option<String>,
    ) -> Result<Page<TaskCounts>, Error> {
        let mut query = scope.pairs();
        query.push(("limit", "500".to_owned()));
        query.extend(by.map(|by| ("by", by.to_string())));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.json(Call::get(&["api", "v1", "task-counts"]).query(query)).await
    }

    /// Creates a task; the answer says what it overlaps.
    ///
    /// # Errors
    /// Problems `overlap-unacknowledged` and `overlap-blocked`, where the policy refuses it.
    pub async fn create_task(&self, body: &CreateTask) -> Result<TaskAnswer, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "tasks"]).json(body)).await
    }

    /// Does all that creating a task does, on the server, which keeps nothing.
    ///
    /// # Errors
    /// As [`Client::create_task`].
    pub async fn rehearse_task(&self, body: &CreateTask) -> Result<TaskAnswer, Error> {
        let call = Call::new(Method::POST, &["api", "v1", "tasks"]);
        self.json(call.query(vec![("dry_run", "true".to_owned())]).json(body)).await
    }

    /// What creating a task would overlap.
    pub async fn check_overlap(&self, body: &CheckOverlap) -> Result<OverlapCheck, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "overlap", "check"]).json(body)).await
    }

    /// Finds what matches words, best first.
    pub async fn search(&self, query: &[(&'static str, String)]) -> Result<SearchPage, Error> {
        self.json(Call::get(&["api", "v1", "search"]).query(query.to_vec())).await
    }

    /// Acts on a suggestion of overlapping work.
    pub async fn accept_overlap(
        &self,
        reference: &str,
        body: &AcceptOverlap,
    ) -> Result<OverlapSuggestion, Error> {
        let path = ["api", "v1", "overlaps", reference, "accept"];
        self.json(Call::new(Method::POST, &path).json(body)).await
    }

    /// Says that a suggestion of overlapping work is none.
    pub async fn dismiss_overlap(
        &self,
        reference: &str,
        body: &DismissOverlap,
    ) -> Result<OverlapSuggestion, Error> {
        let path = ["api", "v1", "overlaps", reference, "dismiss"];
        self.json(Call::new(Method::POST, &path).json(body)).await
    }

    /// Claims the best ready task that matches.
    ///
    /// # Errors
    /// Problem `nothing-to-claim` when there is none.
    pub async fn claim_next_task(&self, body: &ClaimNextTask) -> Result<Task, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "tasks", "claim"]).json(body)).await
    }

    async fn move_task(
        &self,
        reference: &str,
        scope: &Scope,
        verb: &str,
        body: &impl Serialize,
    ) -> Result<Task, Error> {
        let path = ["api", "v1", "tasks", reference, verb];
        self.json(Call::new(Method::POST, &path).query(scope.pairs()).json(body)).await
    }
}
