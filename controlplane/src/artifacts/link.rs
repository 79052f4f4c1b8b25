//! URLs of our own that give an artifact's content without a token, where the object store has none.
//!
//! The query says who asked for it and until when it is good; an HMAC by the keyring binds both to the artifact. Used, it
//! acts in the name of who asked, with the roles that they have then.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mc_api::id::{ArtifactId, PrincipalId};
use mc_api::{ProblemKind, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::error::Error;
use crate::keyring::{Keyring, Purpose};

/// What such a URL says.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    /// From when on it is good no more, in seconds since 1970.
    pub(crate) expires: i64,
    /// Who asked for it.
    pub(crate) by: String,
    /// The key that signed.
    pub(crate) key: String,
    /// HMAC-SHA256 in base64url.
    pub(crate) signature: String,
}

fn message(artifact: ArtifactId, by: PrincipalId, expires: i64) -> String {
    format!("artifact content\n{artifact}\n{by}\n{expires}")
}

/// One answer for every fault, so that a forger learns nothing.
pub(crate) fn refused() -> Error {
    Error::new(
        ProblemKind::Unauthenticated,
        "the URL is not valid for this artifact, or it has expired; ask for a new one",
    )
}

/// Path and query of a URL.
pub(crate) fn sign(keyring: &Keyring, artifact: ArtifactId, by: PrincipalId, expires: i64) -> String {
    let (key, signature) = keyring.sign(Purpose::Download, message(artifact, by, expires).as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!(
        "/api/v1/artifacts/{artifact}/signed-content?expires={expires}&by={by}&key={key}&signature={signature}"
    )
}

/// Whose name a URL acts in.
///
/// # Errors
/// [`ProblemKind::Unauthenticated`].
pub(crate) fn read(
    keyring: &Keyring,
    artifact: &str,
    signed: &Signed,
    now: Timestamp,
) -> Result<(ArtifactId, PrincipalId), Error> {
    let artifact: ArtifactId = artifact.parse().map_err(|_| refused())?;
    let by: PrincipalId = signed.by.parse().map_err(|_| refused())?;
    let tag = URL_SAFE_NO_PAD.decode(&signed.signature).map_err(|_| refused())?;
    let message = message(artifact, by, signed.expires);
    let is_ours = keyring.verify(Purpose::Download, &signed.key, message.as_bytes(), &tag);
    if !is_ours || now.as_micros() >= signed.expires.saturating_mul(1_000_000) {
        return Err(refused());
    }
    Ok((artifact, by))
}
