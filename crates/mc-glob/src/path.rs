//! Paths inside a repository.

use crate::PathError;

/// A path of a file in a repository, in the one form in which git stores it: relative, `/` between non-empty segments,
/// none of which is `.` or `..`. Not normalised otherwise: case and Unicode form are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(String);

impl RepoPath {
    /// At most this many bytes, the limit of most systems.
    pub const MAX_BYTES: usize = 4096;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_segments(segments: &[String]) -> Self {
        Self(segments.join("/"))
    }
}

impl std::str::FromStr for RepoPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(PathError::TooLong);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.contains('\0') {
            return Err(PathError::Nul);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(PathError::EmptySegment),
                "." | ".." => return Err(PathError::DotSegment),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for RepoPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stored_form_is_a_path() {
        for good in ["a", "a/b.c", "a b/ü", ".git-x/..a", "a\\b", "-", " "] {
            assert_eq!(good.parse::<RepoPath>().unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", PathError::Empty),
            ("/a", PathError::Absolute),
            ("a/", PathError::EmptySegment),
            ("a//b", PathError::EmptySegment),
            ("./a", PathError::DotSegment),
            ("a/../b", PathError::DotSegment),
            ("a\0", PathError::Nul),
        ] {
            assert_eq!(bad.parse::<RepoPath>(), Err(why), "{bad:?}");
        }
        assert_eq!("x".repeat(4097).parse::<RepoPath>(), Err(PathError::TooLong));
    }
}
