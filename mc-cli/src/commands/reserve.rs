//! `mc reserve`.

use std::path::Path;
use std::time::Duration;

use mc_api::ProblemKind;
use mc_api::reservation::{
    CreateReservation, OnConflict, RenewReservation, Reservation, ReservationMode, ReservationState,
};
use mc_client::{Client, Scope};
use mc_glob::Glob;
use tokio::time::Instant;

use super::get::done;
use super::references;
use super::wait::Patience;
use crate::args::{Renew, Reserve};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::git;
use crate::kind::Kind;

pub(super) async fn run(cx: &Invocation, args: Reserve) -> anyhow::Result<()> {
    let client = cx.client()?;
    let (repository, globs) = match args.repo {
        Some(repository) => (repository, args.paths),
        None => here(Path::new("."), &args.paths)?,
    };
    let ttl_seconds = seconds(args.ttl)?;
    let body = CreateReservation {
        repository,
        globs,
        mode: if args.shared { ReservationMode::Shared } else { ReservationMode::Exclusive },
        mission: cx.scope()?.mission,
        task: args.task.or_else(|| cx.environment().task.clone()),
        session: args.session,
        reason: args.reason,
        ttl_seconds,
        on_conflict: if args.queue || args.wait { OnConflict::Queue } else { OnConflict::Refuse },
    };
    let mut reservation = client.create::<Reservation>(&body).await?;
    if args.wait && reservation.state == ReservationState::Pending {
        cx.out.talk(&format!("reservation {} waits in line", reservation.id));
        reservation = tokio::select! {
            reached = active(&client, &reservation, args.timeout) => reached?,
            // Whoever no longer waits stands in nobody's way.
            _ = tokio::signal::ctrl_c() => {
                client.release_reservation(&reservation.id.to_string()).await?;
                return Err(Failure::Interrupted.into());
            }
        };
    }
    done(cx, &reservation, &format!("is {}", reservation.state))
}

/// `mc renew`.
pub(super) async fn renew(cx: &Invocation, args: Renew) -> anyhow::Result<()> {
    if args.kind.kind != Kind::Reservation {
        let message = format!("a {} has no lease to renew here; a reservation has", args.kind.kind);
        return Err(Failure::Usage(message).into());
    }
    let wanted = references(&args.kind, args.references)?;
    if wanted.is_empty() {
        return Err(Failure::Usage("which reservation? Its id is needed".into()).into());
    }
    let client = cx.client()?;
    let body = RenewReservation { ttl_seconds: seconds(args.ttl)? };
    for id in wanted {
        let renewed = client.renew_reservation(&id, &body).await?;
        done(cx, &renewed, &format!("renewed until {}", renewed.expires_at))?;
    }
    Ok(())
}

fn seconds(ttl: Option<Duration>) -> Result<Option<u32>, Failure> {
    ttl.map(|ttl| u32::try_from(ttl.as_secs()))
        .transpose()
        .map_err(|_| Failure::Usage("the lease is too long".into()))
}

/// Waits for the place in line to come, and keeps it.
async fn active(
    client: &Client,
    reservation: &Reservation,
    timeout: Duration,
) -> anyhow::Result<Reservation> {
    let id = reservation.id.to_string();
    let renew_after = Duration::from_secs(u64::try_from(reservation.ttl_seconds).unwrap_or(60)) / 3;
    let (mut patience, mut renewed) = (Patience::new(timeout), Instant::now());
    loop {
        let seen = match client.get::<Reservation>(&id, &Scope::default()).await {
            // A restart of the server is waited for like anything else.
            Err(mc_client::Error::Unreachable { .. }) if !patience.is_over() => None,
            seen => Some(seen?),
        };
        match seen {
            Some(seen) if seen.state == ReservationState::Active => return Ok(seen),
            Some(seen) if seen.state.is_terminal() => {
                return Err(
                    Failure::Conflict(format!("reservation {id} is {} before its turn", seen.state)).into()
                );
            }
            Some(_) | None => {}
        }
        if !patience.pause().await {
            client.release_reservation(&id).await?;
            return Err(
                Failure::Timeout(format!("reservation {id} still waited in line; it was given up")).into()
            );
        }
        if renewed.elapsed() >= renew_after {
            match client.renew_reservation(&id, &RenewReservation::default()).await {
                Ok(_) => renewed = Instant::now(),
                // What has ended is seen above, with its reason.
                Err(error) if error.problem_kind() == Some(ProblemKind::LeaseLost) => {}
                Err(mc_client::Error::Unreachable { .. }) if !patience.is_over() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The repository of the checkout, and globs from its top for paths as they are typed in a folder of it.
fn here(folder: &Path, paths: &[String]) -> anyhow::Result<(String, Vec<String>)> {
    let repository = git::repository(folder).map_err(|error| {
        Failure::Usage(format!("which repository? Run it in a checkout, or name it with --repo ({error})"))
    })?;
    let (top, prefix) = (git::top(folder)?, git::prefix(folder)?);
    let globs = paths.iter().map(|path| from_top(&top, &prefix, path)).collect::<Result<_, _>>()?;
    Ok((repository.to_string(), globs))
}

/// A path as it is typed in the folder `prefix` (empty, or with a slash at its end), as a glob from the top.
fn from_top(top: &Path, prefix: &str, typed: &str) -> Result<String, Failure> {
    if typed.is_empty() {
        return Err(Failure::Usage("a path is empty; write . for the whole folder".into()));
    }
    let (mut folders, mut rest) = match typed.strip_prefix('/') {
        Some(rest) => (Vec::new(), rest),
        None => (prefix.split('/').filter(|part| !part.is_empty()).collect(), typed),
    };
    loop {
        rest = match (rest, rest.split_once('/')) {
            (".", _) => "",
            ("..", _) | (_, Some(("..", _))) => {
                if folders.pop().is_none() {
                    return Err(Failure::Usage(format!("{typed:?} is outside of the checkout")));
                }
                rest.strip_prefix("../").unwrap_or_default()
            }
            (_, Some((".", rest))) => rest,
            _ => break,
        };
    }
    let folder = folders.iter().fold(String::new(), |folder, part| folder + &Glob::escape(part) + "/");
    // A folder means all that is in it.
    let is_folder = top.join(folders.join("/")).join(rest).is_dir();
    let glob = match rest {
        "" if folder.is_empty() => "**".to_owned(),
        "" => folder,
        rest if is_folder => format!("{folder}{}/**", Glob::escape(rest.trim_end_matches('/'))),
        rest => format!("{folder}{rest}"),
    };
    Ok(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_a_folder_is_read_from_the_top() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/[b]/src")).unwrap();
        for (prefix, typed, glob) in [
            ("", "src/*.rs", "src/*.rs"),
            ("", ".", "**"),
            ("", "a", "a/**"),
            ("", "a/[b]", "a/\\[b\\]/**"),
            ("", "./x", "x"),
            ("", "/x", "x"),
            ("a/[b]/", "src", "a/\\[b\\]/src/**"),
            ("a/[b]/", "src/", "a/\\[b\\]/src/**"),
            ("a/[b]/", ".", "a/\\[b\\]/"),
            ("a/[b]/", "../c?", "a/c?"),
            ("a/[b]/", "..", "a/"),
            ("a/[b]/", "../..", "**"),
            ("a/[b]/", "/{x,y}", "{x,y}"),
            ("a/[b]/", "**/t", "a/\\[b\\]/**/t"),
        ] {
            assert_eq!(from_top(dir.path(), prefix, typed).unwrap(), glob, "{typed} in {prefix}");
            assert!(glob.parse::<Glob>().is_ok(), "{glob}");
        }
        assert!(from_top(dir.path(), "a/", "../../x").is_err());
    }
}
