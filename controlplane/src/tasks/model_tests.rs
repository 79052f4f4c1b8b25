//! Properties of the rules: random events never leave the graph, never revive an end, never weaken the fence.

use mc_api::Name;
use mc_api::id::{KlusterId, MissionId, TaskId};
use mc_api::task::OnDependencyFailure;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn loaded(review_gates: i32, max_attempts: i32) -> Loaded {
    let name: Name = "apollo".parse().unwrap();
    let at = Timestamp::from_micros(0);
    let task = Task {
        kind: "task".into(),
        id: TaskId::from_uuid(Uuid::nil()),
        key: "apollo-1".into(),
        name: None,
        title: "t".into(),
        description: String::new(),
        definition_of_done: String::new(),
        mission_id: MissionId::from_uuid(Uuid::nil()),
        mission: name.clone(),
        kluster_id: KlusterId::from_uuid(Uuid::nil()),
        kluster: name,
        parent_id: None,
        state: TaskState::Ready,
        reason: None,
        priority: 50,
        runtime: None,
        capabilities: vec![],
        paths: vec![],
        depends_on: vec![],
        open_dependency_count: 0,
        on_dependency_failure: OnDependencyFailure::Block,
        review_gates,
        attempt: 0,
        max_attempts,
        claim: None,
        progress_percent: None,
        progress_note: None,
        result_artifact_id: None,
        result: None,
        labels: mc_api::Labels::default(),
        annotations: mc_api::Labels::default(),
        version: 1,
        created_by: principal(0),
        created_at: at,
        updated_at: at,
    };
    Loaded { task, reviewers: vec![] }
}

fn principal(n: u128) -> PrincipalId {
    PrincipalId::from_uuid(Uuid::from_u128(n))
}

#[derive(Clone, Debug)]
enum Step {
    Claim(u128),
    Heartbeat(i32, u128),
    Progress(i32, u128),
    Complete(i32, u128),
    Fail(i32, u128, bool),
    Release,
    Expire,
    Cancel,
    Block,
    Unblock,
    Retry,
    Accept(u128),
    Reject,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 1_u128..3;
    let attempt = 0_i32..6;
    prop_oneof![
        4 => who.clone().prop_map(Step::Claim),
        2 => (attempt.clone(), who.clone()).prop_map(|(a, w)| Step::Heartbeat(a, w)),
        2 => (attempt.clone(), who.clone()).prop_map(|(a, w)| Step::Progress(a, w)),
        2 => (attempt.clone(), who.clone()).prop_map(|(a, w)| Step::Complete(a, w)),
        1 => (attempt, who.clone(), any::<bool>()).prop_map(|(a, w, r)| Step::Fail(a, w, r)),
        1 => Just(Step::Release),
        2 => Just(Step::Expire),
        1 => Just(Step::Cancel),
        1 => Just(Step::Block),
        1 => Just(Step::Unblock),
        1 => Just(Step::Retry),
        1 => who.prop_map(Step::Accept),
        1 => Just(Step::Reject),
        2 => (0_u64..120).prop_map(Step::Wait),
    ]
}

fn apply(loaded: &mut Loaded, now: Timestamp, step: &Step) -> Result<(), Error> {
    let fenced = |loaded: &Loaded, attempt, who| check_fence(&loaded.task, attempt, principal(who));
    match *step {
        Step::Claim(who) => claim(loaded, &Room::default(), (principal(who), "x"), now, DEFAULT_LEASE),
        Step::Heartbeat(attempt, who) => {
            fenced(loaded, attempt, who)?;
            renew(&mut loaded.task, now, DEFAULT_LEASE)
        }
        Step::Progress(attempt, who) => {
            fenced(loaded, attempt, who)?;
            progress(&mut loaded.task, Some(1), None, now)
        }
        Step::Complete(attempt, who) => {
            fenced(loaded, attempt, who)?;
            complete(loaded, None, None)
        }
        Step::Fail(attempt, who, retryable) => {
            fenced(loaded, attempt, who)?;
            fail(&mut loaded.task, "r".into(), retryable)
        }
        Step::Release => release(&mut loaded.task, None),
        Step::Expire => {
            let claim = loaded.task.claim.as_ref();
            if claim.is_some_and(|claim| claim.state == ClaimState::Active && claim.lease_until <= now) {
                expire(&mut loaded.task)
            } else {
                Ok(())
            }
        }
        Step::Cancel => cancel(&mut loaded.task, None),
        Step::Block => block(&mut loaded.task, None),
        Step::Unblock => unblock(&mut loaded.task),
        Step::Retry => retry(&mut loaded.task, None),
        Step::Accept(who) => accept(loaded, principal(who), None),
        Step::Reject => reject(loaded, None),
        Step::Wait(_) => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn random_events_keep_the_invariants(steps in prop::collection::vec(step(), 1..60), gates in 0_i32..3, max in 1_i32..4) {
        let mut loaded = loaded(gates, max);
        let mut now = Timestamp::from_micros(1_000_000);
        for step in &steps {
            if let Step::Wait(seconds) = step {
                now = now.plus(Duration::from_secs(*seconds));
            }
            let before = loaded.clone();
            let result = apply(&mut loaded, now, step);
            if result.is_err() {
                // A refusal may leave a half-changed value: the caller drops it, as this test does.
                loaded = before;
                continue;
            }
            let (was, is) = (before.task.state, loaded.task.state);
            prop_assert!(was == is || was.allows(is), "{was} -> {is} by {step:?}");
            prop_assert!(!matches!(was, TaskState::Done | TaskState::Cancelled) || was == is);
            prop_assert!(loaded.task.attempt >= before.task.attempt);
            if loaded.task.attempt > before.task.attempt {
                prop_assert!(matches!(step, Step::Claim(_)), "only a claim raises the fence, not {step:?}");
                prop_assert!(!is_held(&before.task, now), "a running lease was taken away");
            }
            if let Step::Heartbeat(attempt, who) | Step::Progress(attempt, who) | Step::Complete(attempt, who) | Step::Fail(attempt, who, _) = step {
                prop_assert_eq!(*attempt, before.task.attempt);
                prop_assert_eq!(before.task.claim.as_ref().map(|c| c.principal_id), Some(principal(*who)));
            }
            let active = loaded.task.claim.as_ref().is_some_and(|c| c.state == ClaimState::Active);
            let working = matches!(is, TaskState::Claimed | TaskState::Running);
            prop_assert_eq!(active, working, "claim and state disagree: {:?} {:?}", loaded.task.claim, is);
        }
    }
}

#[test]
fn the_newest_attempt_may_complete_after_expiry_but_an_older_one_never() {
    let mut first = loaded(0, 3);
    let now = Timestamp::from_micros(1_000_000);
    claim(&mut first, &Room::default(), (principal(1), "a"), now, DEFAULT_LEASE).unwrap();
    expire(&mut first.task).unwrap();
    assert_eq!(first.task.state, TaskState::Ready);

    let mut late = first.clone();
    check_fence(&late.task, 1, principal(1)).unwrap();
    complete(&mut late, None, None).unwrap();
    assert_eq!(late.task.state, TaskState::Done);

    claim(&mut first, &Room::default(), (principal(2), "b"), now, DEFAULT_LEASE).unwrap();
    assert_eq!(check_fence(&first.task, 1, principal(1)).unwrap_err().kind, ProblemKind::LeaseLost);
    assert_eq!(check_fence(&first.task, 2, principal(1)).unwrap_err().kind, ProblemKind::LeaseLost);
}

#[test]
fn the_last_expiry_fails_the_task_and_retry_goes_on_counting() {
    let mut loaded = loaded(0, 1);
    let now = Timestamp::from_micros(1_000_000);
    claim(&mut loaded, &Room::default(), (principal(1), "a"), now, DEFAULT_LEASE).unwrap();
    expire(&mut loaded.task).unwrap();
    assert_eq!(
        (loaded.task.state, loaded.task.reason.as_deref()),
        (TaskState::Failed, Some(ATTEMPTS_EXHAUSTED))
    );
    retry(&mut loaded.task, None).unwrap();
    claim(&mut loaded, &Room::default(), (principal(1), "a"), now, DEFAULT_LEASE).unwrap();
    assert_eq!(loaded.task.attempt, 2);
}

#[test]
fn one_reviewer_counts_once() {
    let mut loaded = loaded(2, 3);
    claim(&mut loaded, &Room::default(), (principal(1), "a"), Timestamp::from_micros(1), DEFAULT_LEASE)
        .unwrap();
    complete(&mut loaded, None, None).unwrap();
    accept(&mut loaded, principal(5), None).unwrap();
    accept(&mut loaded, principal(5), None).unwrap();
    assert_eq!(loaded.task.state, TaskState::InReview);
    accept(&mut loaded, principal(6), None).unwrap();
    assert_eq!(loaded.task.state, TaskState::Done);
}
