//! Texts like those of tasks, the same for the same number: a few words that stand in every other task, many that are
//! rare, and names that are made up.

/// Words by how often they are used: the first stand in very many texts.
const COMMON: [&str; 96] = [
    "fix",
    "add",
    "the",
    "test",
    "update",
    "error",
    "user",
    "api",
    "remove",
    "page",
    "service",
    "when",
    "login",
    "build",
    "cache",
    "crash",
    "support",
    "deploy",
    "database",
    "timeout",
    "retry",
    "config",
    "upload",
    "search",
    "index",
    "export",
    "import",
    "report",
    "email",
    "token",
    "session",
    "queue",
    "worker",
    "metrics",
    "log",
    "alert",
    "billing",
    "invoice",
    "payment",
    "webhook",
    "migration",
    "schema",
    "column",
    "table",
    "query",
    "slow",
    "memory",
    "leak",
    "thread",
    "race",
    "lock",
    "parser",
    "lexer",
    "format",
    "locale",
    "translation",
    "button",
    "menu",
    "dialog",
    "mobile",
    "android",
    "browser",
    "font",
    "image",
    "video",
    "backup",
    "restore",
    "replica",
    "cluster",
    "node",
    "volume",
    "certificate",
    "rotation",
    "secret",
    "policy",
    "role",
    "permission",
    "audit",
    "ledger",
    "release",
    "changelog",
    "documentation",
    "guide",
    "example",
    "benchmark",
    "profile",
    "latency",
    "throughput",
    "pagination",
    "cursor",
    "filter",
    "sort",
    "validation",
    "schema-check",
    "rollback",
    "feature-flag",
];
const SYLLABLES: [&str; 24] = [
    "ka", "ro", "mi", "ten", "sol", "var", "lin", "dex", "por", "ush", "elo", "fin", "gra", "hel", "ion",
    "jet", "kor", "lum", "mar", "nex", "oti", "pra", "qui", "rel",
];

/// A generator of its own: what it makes depends on its seed alone.
pub(crate) struct Words(u64);

impl Words {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or_default()
    }

    /// A common word (small numbers more often than great ones), or in one of three cases a made-up name.
    fn word(&mut self, text: &mut String) {
        if self.below(3) == 0 {
            for _ in 0..3 {
                text.push_str(SYLLABLES[self.below(SYLLABLES.len())]);
            }
        } else {
            let bound = self.below(COMMON.len()) + 1;
            text.push_str(COMMON[self.below(bound)]);
        }
    }

    /// So many words with spaces between them.
    pub(crate) fn text(&mut self, words: usize) -> String {
        let mut text = String::new();
        for number in 0..words {
            if number > 0 {
                text.push(' ');
            }
            self.word(&mut text);
        }
        text
    }
}
