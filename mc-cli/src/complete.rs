//! What the shell may put in: kinds, and names where a server answers at once.
//!
//! The script that `mc completion` prints calls `mc` back with [`VARIABLE`] set. Nothing is said then, whatever fails:
//! a word that cannot be completed is simply not completed.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::{ArgMatches, CommandFactory as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use mc_client::{Client, ListQuery, Retry, Scope};

use crate::args::{Cli, Global};
use crate::context::Invocation;
use crate::environment::Environment;
use crate::for_kind;
use crate::kind::{Kind, Target};
use crate::output::{Format, Output};
use crate::view::View;

/// Names the shell, when it is the shell that calls.
pub(crate) const VARIABLE: &str = "MC_COMPLETE";
/// A shell that stands still is worse than a name that has to be typed.
const LIMIT: Duration = Duration::from_millis(700);
/// More candidates than this help nobody.
const MOST: u32 = 200;

/// Answers the shell, when it is the shell that calls. Whether it was.
pub(crate) fn answer(arguments: &[OsString]) -> bool {
    let folder = std::env::current_dir().ok();
    let complete = clap_complete::CompleteEnv::with_factory(Cli::command).var(VARIABLE).bin("mc");
    // A call that cannot be understood completes nothing, and says nothing into the line that is being typed.
    complete.try_complete(arguments, folder.as_deref()).unwrap_or(true)
}

/// For `KIND` and `KIND/REF`.
pub(crate) fn targets() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let Some(current) = current.to_str() else { return Vec::new() };
        let Some((kind, begun)) = current.split_once('/') else { return kinds(current) };
        let Ok(parsed) = kind.parse::<Kind>() else { return Vec::new() };
        let found = names(parsed, begun, &Typed::read());
        found.into_iter().map(|name| CompletionCandidate::new(format!("{kind}/{name}"))).collect()
    })
}

/// For the `REF` behind a `KIND`.
pub(crate) fn of_target() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let typed = Typed::read();
        let kind =
            typed.target.as_ref().filter(|target| target.reference.is_none()).map(|target| target.kind);
        candidates(kind, current, &typed)
    })
}

/// For a `REF` of one kind.
pub(crate) fn of(kind: Kind) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| candidates(Some(kind), current, &Typed::read()))
}

fn candidates(kind: Option<Kind>, current: &OsStr, typed: &Typed) -> Vec<CompletionCandidate> {
    let (Some(kind), Some(begun)) = (kind, current.to_str()) else { return Vec::new() };
    names(kind, begun, typed).into_iter().map(CompletionCandidate::new).collect()
}

/// Plurals; once something is typed, every name that begins so.
fn kinds(begun: &str) -> Vec<CompletionCandidate> {
    let of_kind = |kind: &Kind| {
        let [singular, plural, _] = kind.names();
        if begun.is_empty() { vec![plural] } else { vec![singular, plural] }
    };
    let all = Kind::ALL.iter().flat_map(of_kind);
    all.filter(|name| name.starts_with(begun)).map(CompletionCandidate::new).collect()
}

/// What was typed before the word that is completed.
#[derive(Default)]
struct Typed {
    global: Global,
    target: Option<Target>,
}

impl Typed {
    /// The shell gives the words behind `--`.
    fn read() -> Self {
        let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
        Self::of(words)
    }

    fn of(words: Vec<OsString>) -> Self {
        // The line is not whole yet, so that what is missing or half typed is no error.
        let Ok(matches) = Cli::command().ignore_errors(true).try_get_matches_from(words) else {
            return Self::default();
        };
        let mut innermost = &matches;
        while let Some((_, inner)) = innermost.subcommand() {
            innermost = inner;
        }
        let text = |name: &str| given::<String>(innermost, name);
        let global = Global {
            server: text("server"),
            token_file: given(innermost, "token_file"),
            context: text("context"),
            mission: text("mission"),
            kluster: text("kluster"),
            ..Global::default()
        };
        Self { global, target: given(innermost, "kind") }
    }
}

fn given<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.try_get_one::<T>(name).ok().flatten().cloned()
}

/// Names of this kind that begin so; none when no server answers in time.
fn names(kind: Kind, begun: &str, typed: &Typed) -> Vec<String> {
    let invocation =
        Invocation::new(typed.global.clone(), Environment::read(), Output::new(Format::Name, true, true));
    let Ok(runtime) = crate::commands::runtime() else { return Vec::new() };
    let asked = runtime.block_on(async {
        let listed = async { for_kind!(kind, R => list::<R>(&invocation).await) };
        tokio::time::timeout(LIMIT, listed).await
    });
    let mut names = asked.ok().and_then(Result::ok).unwrap_or_default();
    names.retain(|name| name.starts_with(begun));
    names
}

async fn list<V: View>(invocation: &Invocation) -> anyhow::Result<Vec<String>> {
    let (server, token) = invocation.address()?;
    let mut options = mc_client::Options::new(server);
    options.token = token;
    (options.connect_timeout, options.request_timeout) = (LIMIT, LIMIT);
    options.retry = Retry { attempts: 1, ..options.retry };
    let Scope { mission, kluster } = invocation.scope()?;
    // Anybody may be meant, not only who has a role in the context's mission.
    let mission = mission.filter(|_| V::KIND != "principal");
    let query = ListQuery { mission, kluster, ..ListQuery::default() };
    let page = crate::commands::collect::<V>(&Client::new(options)?, query, Some(MOST)).await?;
    Ok(page.items.iter().map(View::reference).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        Typed::of(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn kinds_are_offered_in_the_plural_and_found_by_either_name() {
        let said = |begun: &str| -> Vec<String> {
            let all = kinds(begun).into_iter();
            all.map(|one| one.get_value().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(said("").len(), Kind::ALL.len());
        assert_eq!(said("tas"), ["task", "tasks"]);
        assert_eq!(said("x"), Vec::<String>::new());
    }

    #[test]
    fn half_a_line_says_kind_and_scope() {
        let half = typed("mc get tasks -m apollo ");
        assert_eq!(half.target.unwrap().kind, Kind::Task);
        assert_eq!(half.global.mission.as_deref(), Some("apollo"));
        let early = typed("mc -m apollo --server http://127.0.0.1:1 describe ses ");
        assert_eq!(early.target.unwrap().kind, Kind::Session);
        assert_eq!(early.global.server.as_deref(), Some("http://127.0.0.1:1"));
        assert!(typed("mc nonsense").target.is_none());
        assert!(typed("mc wait task x --for").target.is_some());
    }
}
