//! What a tool is.

use std::pin::Pin;

use mc_api::Action;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::schema;
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::json;
use crate::op::OpCtx;

type Answer = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;
type Handler = Box<dyn Fn(SharedApp, OpCtx, Map<String, Value>) -> Answer + Send + Sync>;

/// One operation under the name that agents call it by.
pub struct Tool {
    /// The name; API, never renamed.
    pub name: &'static str,
    /// What it does, for agents.
    pub description: &'static str,
    /// What the caller must be allowed to do; `None` when every valid token will do.
    pub action: Option<Action>,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// JSON Schema of the arguments.
    pub input_schema: Map<String, Value>,
    handler: Handler,
}

impl Tool {
    /// A tool whose arguments are the members of `P` (what a path or query says) and of `B` (the request).
    /// No name is a member of both.
    pub fn new<P, B, T, F>(
        name: &'static str,
        action: impl Into<Option<Action>>,
        description: &'static str,
        handler: impl Fn(SharedApp, OpCtx, P, B) -> F + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned + ToSchema,
        B: DeserializeOwned + ToSchema,
        T: Serialize,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (place, body) = (schema::of::<P>(), schema::of::<B>());
        let places: Vec<String> = schema::members(&place).map(str::to_owned).collect();
        let handler = move |app, cx, arguments| -> Answer {
            let work = split::<P, B>(&places, arguments).map(|(place, body)| handler(app, cx, place, body));
            Box::pin(async move { serde_json::to_value(work?.await?).map_err(Error::internal) })
        };
        Self {
            name,
            description,
            action: action.into(),
            read_only: false,
            input_schema: schema::merge(place, body),
            handler: Box::new(handler),
        }
    }

    /// The same, changing nothing.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// Runs the operation.
    ///
    /// # Errors
    /// [`mc_api::ProblemKind::Validation`] for arguments that do not fit, and the operation's own.
    pub async fn call(
        &self,
        app: SharedApp,
        cx: OpCtx,
        arguments: Map<String, Value>,
    ) -> Result<Value, Error> {
        (self.handler)(app, cx, self.as_named(arguments)).await
    }

    /// The arguments under the names of the schema: tools of older systems say `kluster_id` for `kluster`, `task` for
    /// `task_id`, `lease_id` for a workspace, and `name` for a profile.
    fn as_named(&self, arguments: Map<String, Value>) -> Map<String, Value> {
        let members: Vec<&str> = schema::members(&self.input_schema).collect();
        let given: Vec<String> = arguments.keys().cloned().collect();
        let named = |name: String| {
            let others = [
                name.strip_suffix("_id").map(str::to_owned),
                Some(format!("{name}_id")),
                (name == "lease_id").then(|| "workspace".to_owned()),
                (name == "name").then(|| "profile".to_owned()),
            ];
            let is_free = |other: &String| members.contains(&other.as_str()) && !given.contains(other);
            if members.contains(&name.as_str()) {
                return name;
            }
            others.into_iter().flatten().find(is_free).unwrap_or(name)
        };
        arguments.into_iter().map(|(name, value)| (named(name), value)).collect()
    }
}

/// Reads the arguments: the members that `P` has, and all others as `B`, which refuses unknown ones.
fn split<P: DeserializeOwned, B: DeserializeOwned>(
    places: &[String],
    arguments: Map<String, Value>,
) -> Result<(P, B), Error> {
    check_text(&Value::Object(arguments.clone()), 0)?;
    let (place, body): (Map<_, _>, Map<_, _>) =
        arguments.into_iter().partition(|(name, _)| places.contains(name));
    let place = json::from_value(Value::Object(place))?;
    Ok((place, json::from_value(Value::Object(body))?))
}

/// Refuses what no database takes, whatever the argument.
fn check_text(value: &Value, depth: usize) -> Result<(), Error> {
    let refused = || Error::invalid("", "arguments must not contain U+0000 and nest at most 32 deep");
    match value {
        _ if depth > 32 => Err(refused()),
        Value::String(text) if text.contains('\0') => Err(refused()),
        Value::Array(items) => items.iter().try_for_each(|item| check_text(item, depth + 1)),
        Value::Object(members) => members.values().try_for_each(|item| check_text(item, depth + 1)),
        _ => Ok(()),
    }
}
