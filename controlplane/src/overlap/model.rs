//! What findings mean under a policy.

use mc_api::ProblemKind;
use mc_api::id::MissionId;
use mc_api::overlap::{OverlapDecision, OverlapFinding, OverlapMode, OverlapPolicy};
use mc_overlap::Provider;

use crate::error::{Against, Error};

/// The scores at which a policy acts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Points {
    pub(crate) acknowledge: f64,
    pub(crate) block: f64,
}

impl Points {
    /// The policy's own points, else those that were measured for the provider.
    pub(crate) fn of(policy: &OverlapPolicy, provider: Provider) -> Self {
        let measured = provider.operating_points();
        let percent = |value: Option<i32>, point: f32| {
            value.map_or(f64::from(point), |percent| f64::from(percent) / 100.0)
        };
        Self {
            acknowledge: percent(policy.acknowledge_at_percent, measured.require_ack)
                .min(percent(policy.block_at_percent, measured.block)),
            block: percent(policy.block_at_percent, measured.block),
        }
    }
}

/// A finding with the points that hold for the vectors it was judged with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged<'a> {
    pub(crate) finding: &'a OverlapFinding,
    pub(crate) points: Points,
}

/// Whether a finding counts for what the policy refuses: unfinished work of the same mission.
pub(crate) fn counts(finding: &OverlapFinding, mission: MissionId) -> bool {
    finding.candidate.mission_id == mission && !finding.candidate.done
}

fn is_named(finding: &OverlapFinding, acknowledged: &[String]) -> bool {
    acknowledged
        .iter()
        .any(|named| *named == finding.candidate.id || Some(named) == finding.candidate.key.as_ref())
}

/// What a policy decides about findings, of which the caller has named some.
pub(crate) fn decide(
    policy: &OverlapPolicy,
    mission: MissionId,
    judged: &[Judged<'_>],
    acknowledged: &[String],
) -> OverlapDecision {
    let mut counted = judged.iter().filter(|judged| counts(judged.finding, mission));
    let blocks = |judged: &Judged<'_>| {
        policy.mode == OverlapMode::Block && judged.finding.score >= judged.points.block
    };
    if policy.mode == OverlapMode::Suggest {
        return OverlapDecision::Allow;
    }
    if counted.clone().any(blocks) {
        return OverlapDecision::Block;
    }
    if counted.any(|judged| {
        judged.finding.score >= judged.points.acknowledge && !is_named(judged.finding, acknowledged)
    }) {
        return OverlapDecision::RequireAck;
    }
    OverlapDecision::Allow
}

/// Marks what the caller has named.
pub(crate) fn acknowledged(finding: &OverlapFinding, named: &[String]) -> bool {
    is_named(finding, named)
}

/// The refusal of a mutation, with what it overlaps.
pub(crate) fn refusal(
    decision: OverlapDecision,
    mission: MissionId,
    judged: &[Judged<'_>],
    named: &[String],
) -> Result<(), Error> {
    let kind = match decision {
        OverlapDecision::Allow => return Ok(()),
        OverlapDecision::RequireAck => ProblemKind::OverlapUnacknowledged,
        OverlapDecision::Block => ProblemKind::OverlapBlocked,
    };
    let from = |points: Points| match decision {
        OverlapDecision::Block => points.block,
        OverlapDecision::RequireAck | OverlapDecision::Allow => points.acknowledge,
    };
    let against: Vec<&OverlapFinding> = judged
        .iter()
        .filter(|judged| counts(judged.finding, mission) && judged.finding.score >= from(judged.points))
        .map(|judged| judged.finding)
        .filter(|finding| decision == OverlapDecision::Block || !is_named(finding, named))
        .collect();
    let names: Vec<String> = against
        .iter()
        .map(|finding| {
            let key = finding.candidate.key.as_deref().unwrap_or(&finding.candidate.id);
            format!("{key} {:?} ({:.0} %)", finding.candidate.title, finding.score * 100.0)
        })
        .collect();
    let detail = match decision {
        OverlapDecision::Block => {
            format!("this is nearly certainly the same work as {}; work on that instead", names.join(", "))
        }
        OverlapDecision::RequireAck | OverlapDecision::Allow => format!(
            "this overlaps {}; look at it; when both are needed, name it in acknowledge_overlap (mc: --acknowledge-overlap KEY)",
            names.join(", ")
        ),
    };
    let mut error = Error::new(kind, detail);
    error.against = Against::Overlaps(against.into_iter().cloned().collect());
    Err(error)
}

/// Refuses a policy whose points make no sense.
///
/// # Errors
/// [`ProblemKind::Validation`] that names the member.
pub(crate) fn check_policy(policy: &OverlapPolicy) -> Result<(), Error> {
    for (pointer, value) in [
        ("/overlap_policy/acknowledge_at_percent", policy.acknowledge_at_percent),
        ("/overlap_policy/block_at_percent", policy.block_at_percent),
    ] {
        if value.is_some_and(|percent| !(1..=100).contains(&percent)) {
            return Err(Error::invalid(pointer, "1 to 100"));
        }
    }
    match (policy.acknowledge_at_percent, policy.block_at_percent) {
        (Some(acknowledge), Some(block)) if acknowledge > block => {
            Err(Error::invalid("/overlap_policy/acknowledge_at_percent", "at most block_at_percent"))
        }
        _ => Ok(()),
    }
}
