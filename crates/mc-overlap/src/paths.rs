//! Whether declared globs can name the same file.

/// How much two lists of globs can name the same files: 0 when no file matches both lists, 1 when one list's globs all
/// meet the other's. Sound: a possible common file is never missed (`?`, `[…]` and `{…}` count as `*`).
pub fn paths_overlap(a: &[String], b: &[String]) -> f32 {
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let (few, many) = if (a.len(), a) <= (b.len(), b) { (a, b) } else { (b, a) };
    let meeting = few.iter().filter(|x| many.iter().any(|y| may_meet(x, y))).count();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let share = meeting as f32 / few.len() as f32;
    share
}

/// Whether a file can match both globs. `**` stands for any number of folders; a folder stands for what is in it.
pub(crate) fn may_meet(a: &str, b: &str) -> bool {
    let (a, b) = (segments(a), segments(b));
    meet(&a, &b)
}

fn segments(glob: &str) -> Vec<&str> {
    let mut all: Vec<&str> = glob.split('/').filter(|s| !s.is_empty() && *s != ".").take(64).collect();
    // A folder stands for what is in it.
    if all.last() != Some(&"**") {
        all.push("**");
    }
    all
}

/// `reach[j]`: the segments of `a` so far can be matched together with the first `j` of `b`.
fn meet(a: &[&str], b: &[&str]) -> bool {
    let mut reach = vec![false; b.len() + 1];
    reach[0] = true;
    for j in 0..b.len() {
        reach[j + 1] = reach[j] && b[j] == "**";
    }
    for x in a {
        let mut next = vec![false; b.len() + 1];
        next[0] = reach[0] && *x == "**";
        for (j, y) in b.iter().enumerate() {
            next[j + 1] = match (*x == "**", *y == "**") {
                (true, true) => reach[j] || reach[j + 1] || next[j],
                // `**` takes this segment of the other, or nothing.
                (true, false) | (false, true) => reach[j + 1] || next[j],
                (false, false) => reach[j] && segments_meet(x, y),
            };
        }
        reach = next;
    }
    reach[b.len()]
}

/// Whether one name can match both segments: exact for plain names and for `*` at most once a side, otherwise yes.
fn segments_meet(x: &str, y: &str) -> bool {
    let wild = ['*', '?', '[', '{', '\\'];
    match (x.find(wild), y.find(wild)) {
        (None, None) => x == y,
        _ => ends_meet(x, y, wild),
    }
}

fn ends_meet(x: &str, y: &str, wild: [char; 5]) -> bool {
    let heads = |s: &str| s.find(wild).map_or(s.len(), |at| at);
    let (hx, hy) = (&x[..heads(x)], &y[..heads(y)]);
    if !(hx.starts_with(hy) || hy.starts_with(hx)) {
        return false;
    }
    let closing = ['*', '?', ']', '}'];
    let tails = |s: &str| s.rfind(closing).map_or(0, |at| at + 1);
    let (tx, ty) = (&x[tails(x)..], &y[tails(y)..]);
    if x.contains('\\') || y.contains('\\') {
        return true;
    }
    let tails_meet = tx.ends_with(ty) || ty.ends_with(tx);
    // A plain name has no variable part that could be longer than itself.
    let room = |plain: &str, h: &str, t: &str| plain.contains(wild) || plain.len() >= h.len() + t.len();
    tails_meet && room(x, hy, ty) && room(y, hx, tx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_meet_when_a_file_can_match_both() {
        for (a, b, meets) in [
            ("src/**", "src/queue/worker.rs", true),
            ("src/*.rs", "src/lib.rs", true),
            ("src/*.rs", "src/lib.go", false),
            ("src/a/**", "src/b/**", false),
            ("**/*.md", "docs/guide.md", true),
            ("docs", "docs/guide.md", true),
            ("docs/guide.md", "docs/guide.md", true),
            ("docs/a*", "docs/b*", false),
            ("**", "x", true),
            ("src/{a,b}/x.rs", "src/b/x.rs", true),
            ("a/**/z", "a/z", true),
            ("./a//b", "a/b", true),
        ] {
            assert_eq!(may_meet(a, b), meets, "{a} {b}");
            assert_eq!(may_meet(b, a), meets, "{b} {a}");
        }
    }

    #[test]
    fn share_of_the_shorter_list() {
        let list = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert!((paths_overlap(&list(&["a/**", "b/**"]), &list(&["a/x", "c/x"])) - 0.5).abs() < 1e-6);
        assert!(paths_overlap(&list(&[]), &list(&["a"])).abs() < 1e-6);
    }
}
