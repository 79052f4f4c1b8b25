//! The rules of reservations, without a database.

use mc_api::id::{MissionId, ReservationId};
use mc_api::{Name, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn uuid(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

fn record(n: u8, principal: u8, mode: ReservationMode, state: ReservationState, texts: &[&str]) -> Record {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let at = Timestamp::from_micros(0);
    Record {
        organization: OrganizationId::from_uuid(uuid(0)),
        place: i64::from(n),
        is_over: false,
        globs: globs("", &texts).unwrap(),
        reservation: Reservation {
            kind: "reservation".into(),
            id: ReservationId::from_uuid(uuid(n)),
            state,
            repository: "h.example/x".parse().unwrap(),
            globs: texts,
            mode,
            mission_id: MissionId::from_uuid(uuid(0)),
            mission: "m".parse::<Name>().unwrap(),
            task_id: None,
            task: None,
            session_id: None,
            principal_id: PrincipalId::from_uuid(uuid(principal)),
            principal: format!("p{principal}"),
            reason: None,
            ttl_seconds: 60,
            expires_at: at,
            version: 1,
            created_at: at,
            updated_at: at,
        },
    }
}

#[test]
fn holders_are_one_by_session_then_task_then_principal() {
    let holder = |principal: u8, task: Option<u8>, session: Option<u8>| Holder {
        principal: PrincipalId::from_uuid(uuid(principal)),
        task: task.map(|n| TaskId::from_uuid(uuid(n))),
        session: session.map(|n| SessionId::from_uuid(uuid(n))),
    };
    for (one, other, same) in [
        (holder(1, None, None), holder(1, None, None), true),
        (holder(1, None, None), holder(2, None, None), false),
        (holder(1, Some(1), None), holder(1, Some(2), None), false),
        (holder(1, Some(1), None), holder(2, Some(1), None), true),
        (holder(1, Some(1), None), holder(1, None, None), true),
        (holder(1, None, Some(1)), holder(2, None, Some(1)), true),
        (holder(1, None, Some(1)), holder(1, None, Some(2)), false),
        (holder(1, None, Some(1)), holder(1, None, None), true),
        (holder(1, Some(1), Some(1)), holder(2, Some(1), Some(2)), true),
        (holder(1, Some(1), Some(1)), holder(1, Some(2), Some(1)), true),
    ] {
        assert_eq!(one.is(&other), same, "{one:?} {other:?}");
        assert_eq!(other.is(&one), same, "{other:?} {one:?}");
    }
}

#[test]
fn limits_are_told_before_they_cost() {
    let many = vec!["a".to_owned(); 33];
    assert_eq!(globs("/globs", &many).unwrap_err().kind, ProblemKind::Validation);
    let heavy: Vec<String> = (0..8).map(|n| format!("{}{n}", "x".repeat(200))).collect();
    let error = globs("/globs", &heavy).unwrap_err();
    assert_eq!(error.errors[0].pointer, "/globs");
    let wrong = vec!["ok".to_owned(), "a//b".to_owned()];
    assert_eq!(globs("/globs", &wrong).unwrap_err().errors[0].pointer, "/globs/1");
    assert_eq!(globs("", &["a".to_owned(), "a".to_owned()]).unwrap().len(), 1, "twice is once");
    assert!(ttl(Some(59)).is_err() && ttl(Some(86_401)).is_err());
    assert_eq!((ttl(Some(60)).unwrap(), ttl(None).unwrap()), (Some(60), None));
}

#[test]
fn one_principal_does_not_fill_a_repository() {
    let open: Vec<Record> =
        (0..64).map(|n| record(n, 1, ReservationMode::Shared, ReservationState::Active, &["a"])).collect();
    let globs = globs("", &["a".to_owned()]).unwrap();
    let asked = |principal: u8| Asked {
        holder: Holder { principal: PrincipalId::from_uuid(uuid(principal)), task: None, session: None },
        mode: ReservationMode::Shared,
        globs: &globs,
    };
    assert_eq!(check_room(&open, &asked(1)).unwrap_err().kind, ProblemKind::RateLimited);
    assert!(check_room(&open, &asked(2)).is_ok());
}

proptest! {
    /// Whatever is asked for and given back in whatever order: nothing active conflicts, nobody is overtaken by somebody
    /// in the way, and nobody waits for nothing.
    #[test]
    fn the_line_is_safe_fair_and_moves(steps in prop::collection::vec((0_u8..4, any::<bool>(), 0_usize..4, any::<bool>(), 0_usize..8), 1..30)) {
        const GLOBS: [&str; 4] = ["a/**", "a/b", "**/b", "c"];
        let mut open: Vec<Record> = Vec::new();
        for (number, (principal, shared, glob, gives_back, which)) in (0_u8..).zip(steps) {
            if gives_back && !open.is_empty() {
                open.remove(which % open.len());
            } else {
                let mode = if shared { ReservationMode::Shared } else { ReservationMode::Exclusive };
                let mut new = record(number, principal, mode, ReservationState::Pending, &[GLOBS[glob]]);
                if Asked::of(&new).conflicts(&open).is_empty() {
                    go(&mut new.reservation, ReservationState::Active).unwrap();
                }
                open.push(new);
            }
            while let Some(index) = next_in_line(&open) {
                go(&mut open[index].reservation, ReservationState::Active).unwrap();
            }
            for (at, one) in open.iter().enumerate() {
                let conflicts = Asked::of(one).conflicts(&open);
                if one.reservation.state == ReservationState::Active {
                    for (other, _) in &conflicts {
                        prop_assert_eq!(other.reservation.state, ReservationState::Pending);
                        prop_assert!(other.place > one.place, "{} overtook {}", one.place, other.place);
                    }
                } else {
                    let holds_up = conflicts.iter().any(|(other, _)| {
                        other.reservation.state == ReservationState::Active || other.place < open[at].place
                    });
                    prop_assert!(holds_up, "{} waits for nothing", one.place);
                }
            }
        }
    }
}
