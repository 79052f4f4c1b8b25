//! One macro for enums whose variants are published words.

/// Declares an enum whose variants have fixed published texts: `as_str`, `ALL`, `FromStr`, `Display`,
/// serde and (with feature `sqlx`) database text all use the same word.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The published word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        // Derived, the schema would show the names of the variants: it does not see through a macro's `$text`.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text),+]))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::problem::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err($crate::problem::UnknownWord {
                        word: other.chars().take(64).collect(),
                        expected: &[$($text),+],
                    }),
                }
            }
        }

        $crate::database_text!($name, |value| value.as_str(), |text| text.parse::<$name>());
    };
}

/// Database text for a type that prints and parses as a word. Empty without feature `sqlx`.
#[doc(hidden)]
#[macro_export]
#[cfg(feature = "sqlx")]
macro_rules! database_text {
    ($name:ty, |$value:ident| $to:expr, |$text:ident| $from:expr) => {
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(ty)
            }
        }
        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            String: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buf: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                let $value = self;
                let text: String = ($to).to_owned();
                <String as sqlx::Encode<'q, DB>>::encode(text, buf)
            }
        }
        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            &'r str: sqlx::Decode<'r, DB>,
        {
            fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let $text = <&'r str as sqlx::Decode<'r, DB>>::decode(value)?;
                Ok($from?)
            }
        }
    };
}

/// Database text for a type that prints and parses as a word. Empty without feature `sqlx`.
#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "sqlx"))]
macro_rules! database_text {
    ($($any:tt)*) => {};
}
