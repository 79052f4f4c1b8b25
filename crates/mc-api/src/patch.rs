//! JSON Merge Patch (RFC 7396) members.

use serde::{Deserialize, Deserializer};

/// Reads a member that may be absent (keep), `null` (remove) or a value (set).
///
/// Use with `#[serde(default, deserialize_with = "patch::member")]` on `Option<Option<T>>`.
pub fn member<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Reads a member that may be absent (keep) or a value (set); `null` is refused, for it cannot be removed.
///
/// Use with `#[serde(default, deserialize_with = "patch::required")]` on `Option<T>`.
pub fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
