//! Why a text is no glob or no path.

/// Why a text is not a [`crate::Glob`]. Each says what to write instead; none is helped by trying again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No characters.
    #[error("a glob must not be empty; `**` means every path")]
    Empty,
    /// Over [`crate::MAX_BYTES`].
    #[error("a glob has at most {} bytes", crate::MAX_BYTES)]
    TooLong,
    /// Over [`crate::MAX_ALTERNATIVES`] or [`crate::MAX_WEIGHT`] once the braces are written out.
    #[error(
        "the alternatives in braces come to more than {} globs or {} characters; write several globs",
        crate::MAX_ALTERNATIVES,
        crate::MAX_WEIGHT
    )]
    TooManyAlternatives,
    /// Over [`crate::MAX_NESTING`].
    #[error("braces nest at most {} deep", crate::MAX_NESTING)]
    TooDeep,
    /// Begins with `/`.
    #[error("leave the leading `/` out: globs are anchored at the root of the repository")]
    Absolute,
    /// `//`, also after an empty alternative.
    #[error("a segment is empty: `//` matches no path")]
    EmptySegment,
    /// `.` or `..`.
    #[error("`.` and `..` are no segments of a path inside a repository")]
    DotSegment,
    /// Begins with `!`.
    #[error("a glob cannot be negated; for a name that begins with `!` write `\\!`")]
    Negated,
    /// Begins with `:` and a sign.
    #[error(
        "pathspec magic such as `:(icase)` is not understood; for a name that begins with `:` write `\\:`"
    )]
    Magic,
    /// A control character.
    #[error("control characters are not allowed")]
    Control,
    /// `\` at the end, or before `/`.
    #[error("a backslash must stand before the character that it makes literal, which is not `/`")]
    LoneBackslash,
    /// `[` without `]`.
    #[error("a `[` is not closed; for a literal one write `\\[`")]
    OpenClass,
    /// `/` inside a class.
    #[error("a class in brackets never matches `/`; leave it out")]
    SlashInClass,
    /// `[z-a]`.
    #[error("the range {0:?}-{1:?} is the wrong way round")]
    Range(char, char),
    /// `[[:alpha:]]`.
    #[error("named classes such as `[:alpha:]` are not understood; write ranges")]
    NamedClass,
    /// `{` without `}`.
    #[error("a `{{` is not closed; for a literal one write `\\{{`")]
    OpenBrace,
    /// `}` without `{`.
    #[error("a `}}` closes nothing; for a literal one write `\\}}`")]
    LoneBrace,
}

/// Why a text is not a [`crate::RepoPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No characters.
    #[error("a path must not be empty")]
    Empty,
    /// Over [`crate::RepoPath::MAX_BYTES`].
    #[error("a path has at most {} bytes", crate::RepoPath::MAX_BYTES)]
    TooLong,
    /// Begins with `/`.
    #[error("a path is relative to the root of the repository, without a leading `/`")]
    Absolute,
    /// `//`, or `/` at the end.
    #[error("a path has one `/` between its segments and none at its end")]
    EmptySegment,
    /// `.` or `..`.
    #[error("a path has no segments `.` or `..`")]
    DotSegment,
    /// U+0000.
    #[error("a path has no U+0000")]
    Nul,
}
