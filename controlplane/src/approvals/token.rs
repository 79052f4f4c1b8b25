//! Approval tokens: `mca_` + base64url(payload) + `.` + base64url(HMAC-SHA256 over the payload).
//!
//! The payload is canonical JSON and says all that the token is good for. Nothing is trusted because the token says
//! it: after the HMAC every member is compared with the row.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mc_api::approval::{ApprovalState, Execute};
use mc_api::id::{ApprovalId, MissionId, PrincipalId};
use mc_api::{ProblemKind, Timestamp};
use mc_ledger::to_canonical;
use serde::{Deserialize, Serialize};

use super::model::Record;
use crate::error::Error;
use crate::keyring::{Keyring, Purpose};

/// The prefix of approval tokens.
pub const PREFIX: &str = "mca_";
/// A longer text is no token of ours.
const MAX_LENGTH: usize = 4096;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payload {
    pub(crate) approval_id: ApprovalId,
    pub(crate) action_sha256: String,
    pub(crate) mission_id: MissionId,
    pub(crate) decision: ApprovalState,
    pub(crate) decider_id: PrincipalId,
    pub(crate) nonce: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) key_id: String,
}

/// One answer for every fault, so that a forger learns nothing.
pub(crate) fn refused() -> Error {
    Error::new(
        ProblemKind::ApprovalTokenInvalid,
        "the token is not valid for this action, mission and caller, or it was used or ended",
    )
}

/// The token of an approved approval that its requester carries out; the same for the same row and key.
///
/// # Errors
/// Only internal ones.
pub(crate) fn mint(keyring: &Keyring, record: &Record) -> Result<Option<String>, Error> {
    let approval = &record.approval;
    if approval.state != ApprovalState::Approved || approval.execute != Execute::ByRequester {
        return Ok(None);
    }
    let (Some(decider_id), Some(expires_at)) = (approval.decider_id, record.token_expires_at) else {
        return Ok(None);
    };
    let payload = Payload {
        approval_id: approval.id,
        action_sha256: approval.action_sha256.clone(),
        mission_id: approval.mission_id,
        decision: approval.state,
        decider_id,
        nonce: record.nonce.clone(),
        expires_at,
        key_id: keyring.newest(Purpose::Approval).to_owned(),
    };
    write(keyring, &payload).map(Some)
}

fn write(keyring: &Keyring, payload: &Payload) -> Result<String, Error> {
    let text = to_canonical(payload)?;
    let (_, tag) = keyring.sign(Purpose::Approval, text.as_bytes());
    Ok(format!("{PREFIX}{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(tag)))
}

/// Reads a token that one of our keys made.
///
/// # Errors
/// [`ProblemKind::ApprovalTokenInvalid`].
pub(crate) fn read(keyring: &Keyring, token: &str) -> Result<Payload, Error> {
    let body = token.strip_prefix(PREFIX).filter(|_| token.len() <= MAX_LENGTH).ok_or_else(refused)?;
    let (text, tag) = body.split_once('.').ok_or_else(refused)?;
    let text = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| refused())?;
    let payload: Payload = serde_json::from_slice(&text).map_err(|_| refused())?;
    if !keyring.verify(Purpose::Approval, &payload.key_id, &text, &tag) {
        return Err(refused());
    }
    Ok(payload)
}

/// Compares what a token says with the row that it is for.
///
/// # Errors
/// [`ProblemKind::ApprovalTokenInvalid`].
pub(crate) fn check(payload: &Payload, record: &Record, now: Timestamp) -> Result<(), Error> {
    let approval = &record.approval;
    let fits = approval.state == ApprovalState::Approved
        && approval.execute == Execute::ByRequester
        && payload.decision == ApprovalState::Approved
        && payload.approval_id == approval.id
        && payload.action_sha256 == approval.action_sha256
        && payload.mission_id == approval.mission_id
        && Some(payload.decider_id) == approval.decider_id
        && ring_equal(&payload.nonce, &record.nonce)
        && Some(payload.expires_at) == record.token_expires_at
        && now < payload.expires_at;
    if fits { Ok(()) } else { Err(refused()) }
}

/// Equality that tells nothing by its time: digests are compared.
fn ring_equal(left: &str, right: &str) -> bool {
    mc_ledger::sha256(left.as_bytes()) == mc_ledger::sha256(right.as_bytes())
}

#[cfg(test)]
mod tests {
    use mc_api::approval::{Approval, ApprovalKind};
    use mc_api::id::OrganizationId;
    use uuid::Uuid;

    use super::*;
    use crate::approvals::model::TOKEN_LIFE;

    const NOW: i64 = 1_800_000_000_000_000;

    fn now() -> Timestamp {
        Timestamp::from_micros(NOW)
    }

    fn record() -> Record {
        let id = Uuid::from_u128;
        let approval = Approval {
            kind: "approval".into(),
            id: ApprovalId::from_uuid(id(1)),
            approval_kind: ApprovalKind::AgentPermission,
            state: ApprovalState::Approved,
            title: "t".into(),
            action: "{}".into(),
            action_sha256: "ab".repeat(32),
            execute: Execute::ByRequester,
            mission_id: MissionId::from_uuid(id(2)),
            mission: "m".parse().unwrap(),
            requester_id: PrincipalId::from_uuid(id(3)),
            requester: "r".into(),
            decider_id: Some(PrincipalId::from_uuid(id(4))),
            decider: Some("d".into()),
            note: None,
            self_approved: false,
            decided_at: Some(now()),
            expires_at: now().plus(TOKEN_LIFE * 2),
            outcome: None,
            token: None,
            review: None,
            version: 2,
            created_at: now(),
            updated_at: now(),
        };
        Record {
            approval,
            nonce: "n0".into(),
            token_expires_at: Some(now().plus(TOKEN_LIFE)),
            organization: OrganizationId::from_uuid(id(5)),
        }
    }

    fn good(keyring: &Keyring, token: &str, record: &Record, at: Timestamp) -> bool {
        match read(keyring, token).and_then(|payload| check(&payload, record, at)) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind, ProblemKind::ApprovalTokenInvalid);
                false
            }
        }
    }

    #[test]
    fn the_same_row_gives_the_same_token_and_it_lives_ten_minutes() {
        let (keyring, record) = (Keyring::fixed(&["a-1"]), record());
        let token = mint(&keyring, &record).unwrap().unwrap();
        assert_eq!(Some(&token), mint(&keyring, &record).unwrap().as_ref());
        assert!(good(&keyring, &token, &record, now()));
        assert!(good(&keyring, &token, &record, Timestamp::from_micros(NOW + 599_999_999)));
        assert!(!good(&keyring, &token, &record, now().plus(TOKEN_LIFE)));
    }

    #[test]
    fn every_member_is_bound_by_the_tag_and_by_the_row() {
        let (keyring, record) = (Keyring::fixed(&["a-1"]), record());
        let token = mint(&keyring, &record).unwrap().unwrap();
        let tag = token.rsplit('.').next().unwrap();
        let payload = serde_json::to_value(read(&keyring, &token).unwrap()).unwrap();
        let other = Uuid::from_u128(99).as_simple().to_string();
        let changes = [
            ("approval_id", format!("apr_{other}")),
            ("action_sha256", "cd".repeat(32)),
            ("mission_id", format!("mis_{other}")),
            ("decision", "rejected".into()),
            ("decider_id", format!("prn_{other}")),
            ("nonce", "n1".into()),
            ("expires_at", now().plus(TOKEN_LIFE * 3).to_string()),
            ("key_id", "a-2".into()),
        ];
        assert_eq!(changes.len(), payload.as_object().unwrap().len());
        for (member, value) in changes {
            let mut changed = payload.clone();
            changed[member] = value.into();
            let text = to_canonical(&changed).unwrap();
            let forged = format!("{PREFIX}{}.{tag}", URL_SAFE_NO_PAD.encode(&text));
            assert!(!good(&keyring, &forged, &record, now()), "{member} with the old tag");
            if member != "key_id" {
                // Even a tag of ours does not help a token that does not fit the row.
                let resigned = write(&keyring, &serde_json::from_value(changed).unwrap()).unwrap();
                assert!(!good(&keyring, &resigned, &record, now()), "{member} with a new tag");
            }
        }
    }

    #[test]
    fn other_keys_broken_texts_and_other_states_are_refused() {
        let (keyring, record) = (Keyring::fixed(&["a-1"]), record());
        let token = mint(&keyring, &record).unwrap().unwrap();
        assert!(!good(&Keyring::fixed(&["b-1"]), &token, &record, now()));
        assert!(
            good(&Keyring::fixed(&["a-1", "b-1"]), &token, &record, now()),
            "an older key still verifies"
        );
        for bad in ["", "mca_", "mca_.", &token[4..], &token[..token.len() - 1], &format!("{token}A")] {
            assert!(!good(&keyring, bad, &record, now()), "{bad}");
        }
        for state in ApprovalState::ALL.iter().filter(|state| **state != ApprovalState::Approved) {
            let mut moved = record.clone();
            moved.approval.state = *state;
            assert!(!good(&keyring, &token, &moved, now()), "{state}");
            assert_eq!(mint(&keyring, &moved).unwrap(), None, "{state}");
        }
    }
}
