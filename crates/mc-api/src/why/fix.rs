//! The commands that take causes away, in one place: the tests of `mc` read each of them with its own grammar.
//!
//! They are made to be copied into a shell: what is filled in stands there as one word, whatever it is.

use std::fmt::Display;

/// A text as one word of a POSIX shell; names, keys, ids and addresses stand there as they are.
fn word(text: &impl Display) -> String {
    let text = text.to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@,+%=".contains(letter);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

macro_rules! fixes {
    ($($(#[$doc:meta])* $name:ident($($part:ident),*) = $text:literal;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name($($part: &impl Display),*) -> String {
            $(let $part = word($part);)*
            format!($text)
        })*

        /// Every command, with what is filled in between braces.
        pub const TEMPLATES: &[&str] = &[$($text),*];
    };
}

fixes! {
    /// Lets a mission go on.
    resume_mission(mission) = "mc resume mission {mission}";
    /// Lets a kluster run more tasks at once.
    raise_capacity(mission, kluster, most) = "mc set capacity -m {mission} -k {kluster} {most}";
    /// Takes a task from whoever holds it.
    release_task(task) = "mc task release {task}";
    /// Tries a failed task again.
    retry_task(task) = "mc task retry {task}";
    /// Accepts work that is complete.
    accept_task(task) = "mc task accept {task}";
    /// Lets a task go on that is held back.
    unblock_task(task) = "mc task unblock {task}";
    /// Takes a task oneself, which no node does.
    claim_task(task) = "mc task claim {task}";
    /// Tells what a task itself waits for.
    why_task(task) = "mc why task {task}";
    /// Shows a task.
    describe_task(task) = "mc describe task {task}";
    /// Says what runs the tasks of a kluster; the last word is to be chosen.
    set_runtime(mission, kluster) = "mc set runtime -m {mission} -k {kluster} NAME";
    /// Puts a task before others.
    set_priority(task, priority) = "mc set priority {task} {priority}";
    /// Makes what another machine joins with.
    create_join_token() = "mc node token create";
    /// Lets a node take work again.
    uncordon_node(node) = "mc node uncordon {node}";
    /// Shows a node.
    describe_node(node) = "mc describe node {node}";
    /// Lists nodes.
    get_nodes() = "mc get nodes";
    /// Lists what a node runs.
    get_sessions_on(node) = "mc get sessions --node {node}";
    /// Allows what an agent asks for.
    approve(approval) = "mc approve {approval}";
    /// Lists who has reserved what of a repository.
    get_reservations(repository) = "mc get reservations --repo {repository}";
    /// Shows a reservation.
    describe_reservation(reservation) = "mc describe reservation {reservation}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_one_word_of_a_shell() {
        assert_eq!(set_priority(&"apollo-1", &51), "mc set priority apollo-1 51");
        assert_eq!(
            get_reservations(&"https://h.example/x'; rm -rf $(x) &"),
            r"mc get reservations --repo 'https://h.example/x'\''; rm -rf $(x) &'"
        );
        assert_eq!(describe_node(&""), "mc describe node ''");
        assert_eq!(get_nodes(), "mc get nodes");
    }
}
