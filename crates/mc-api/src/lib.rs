//! Wire vocabulary.
