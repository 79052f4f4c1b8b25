//! UTC time in whole microseconds, so that both databases return exactly what was written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC, whole microseconds since the Unix epoch; JSON is RFC 3339 with six decimals and `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// Why a text is not a [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time such as 2026-01-31T12:00:00Z, year 1 to 9999")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The largest and smallest moments that print as a four digit year.
    const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_207_200_000_000;

    /// Microseconds since the Unix epoch, clamped to what RFC 3339 can say.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(*Self::RANGE.start(), *Self::RANGE.end()))
    }
    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    /// This moment moved forward by a duration (clamped at the end of the range).
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }
    /// This moment moved back by a duration (clamped at the start of the range).
    #[must_use]
    pub fn minus(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }
    /// The time from `earlier` to this moment, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_) => Err(std::fmt::Error),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = InvalidTimestamp;
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let micros = text.parse::<jiff::Timestamp>().map_err(|_| InvalidTimestamp)?.as_microsecond();
        if Self::RANGE.contains(&micros) { Ok(Self(micros)) } else { Err(InvalidTimestamp) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .into()
    }
}
impl utoipa::ToSchema for Timestamp {}

#[cfg(feature = "sqlx")]
mod database {
    use super::Timestamp;
    use sqlx::{Database, Decode, Encode, Type};

    impl<DB: Database> Type<DB> for Timestamp
    where
        i64: Type<DB>,
    {
        fn type_info() -> DB::TypeInfo {
            <i64 as Type<DB>>::type_info()
        }
        fn compatible(ty: &DB::TypeInfo) -> bool {
            <i64 as Type<DB>>::compatible(ty)
        }
    }
    impl<'q, DB: Database> Encode<'q, DB> for Timestamp
    where
        i64: Encode<'q, DB>,
    {
        fn encode_by_ref(
            &self,
            buf: &mut <DB as Database>::ArgumentBuffer,
        ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
            self.0.encode_by_ref(buf)
        }
    }
    impl<'r, DB: Database> Decode<'r, DB> for Timestamp
    where
        i64: Decode<'r, DB>,
    {
        fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
            <i64 as Decode<'r, DB>>::decode(value).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn print_then_parse_is_identity(micros in any::<i64>()) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        }
    }

    #[test]
    fn prints_six_decimals_and_zulu() {
        assert_eq!(Timestamp::from_micros(1_000_001).to_string(), "1970-01-01T00:00:01.000001Z");
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
    }
}
