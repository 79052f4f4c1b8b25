//! Owners of fields, as server-side apply of Kubernetes has them: a manager owns what it applied last; a change by
//! another door takes the field over from those who applied it.
//!
//! Fields that nobody ever applied have no owner, and anybody may apply them. Owners change in the transaction of the
//! object they are of.

mod model;
pub(crate) mod store;

pub(crate) use model::{Decided, decide};

use mc_api::fields::{self, Fields};
use mc_api::manifest::Manifest;

use crate::db::Tx;
use crate::error::Error;
use crate::op::OpCtx;
use store::Subject;

/// What the manager of a change by another door begins with.
pub(crate) const UPDATE: &str = "update:";

/// An object was changed otherwise than by applying: whoever changed a field that is owned takes it over.
///
/// # Errors
/// Database failures.
pub(crate) async fn touched(
    tx: &mut Tx,
    cx: &OpCtx,
    subject: Subject<'_>,
    (before, after): (Manifest, Manifest),
) -> Result<(), Error> {
    let owned = store::owners(tx, subject.id).await?;
    if owned.is_empty() {
        return Ok(());
    }
    let (before, after): (Fields, Fields) = (fields::of(&before), fields::of(&after));
    let mut owners = owned.clone();
    for field in fields::changes(&before, &after).into_keys() {
        if let Some(managers) = owners.get_mut(&field) {
            *managers = [format!("{UPDATE}{}", cx.caller.name)].into();
        }
    }
    Ok(store::replace(tx, subject, (&owned, &owners), cx.now()).await?)
}
