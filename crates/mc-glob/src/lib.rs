//! Globs of repository paths, as git users write them, and the exact answer to "do two globs share a path?".
//!
//! | written | matches |
//! |---|---|
//! | `a`, `\*` | the character itself |
//! | `?` | one character, never `/` |
//! | `*` | any run of characters without `/`, also none |
//! | `[a-z]`, `[!a-z]`, `[^a-z]` | one character of the class (not of it), never `/` |
//! | `**` as a whole segment | any number of folders; as the last segment everything below |
//! | `dir/` | the same as `dir/**` |
//! | `{a,b/c}` | each alternative; may nest and may be empty |
//!
//! A glob is anchored at the root of the repository and case-sensitive. Two asterisks inside a longer segment mean one,
//! as in git. `!` and `^` negate only inside a class; a pattern that begins with `!` or with pathspec magic is refused.
//!
//! Paths are [`RepoPath`]s: relative, `/` between non-empty segments, none of which is `.` or `..`. A path is a sequence
//! of Unicode scalar values; it is not normalised (no NFC is required or made), as git does not do so either.
//!
//! Invariants: [`Glob::intersection`] is exact over all such paths and symmetric; what it returns is matched by both
//! globs. Its cost is bounded by the product of the [`Glob::weight`]s, which parsing bounds by [`MAX_WEIGHT`].

mod atom;
mod error;
mod intersect;
mod parse;
mod path;

pub use error::{Error, PathError};
pub use parse::{Glob, MAX_ALTERNATIVES, MAX_BYTES, MAX_NESTING, MAX_WEIGHT};
pub use path::RepoPath;
