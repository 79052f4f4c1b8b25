//! `attach --local`: events to standard output, prompts and answers from standard input, line by line.

use std::io::{self, BufRead};

use super::args::Output;
use super::commands::{follow_events, show, submit};
use crate::files::StateDir;
use crate::ids::SessionId;
use crate::protocol::{Code, Op};

/// Shows the session from its beginning until it ends; leaving does not touch it.
pub(super) fn run(state: &StateDir, session: &SessionId) -> anyhow::Result<()> {
    let (input_state, input_session) = (state.clone(), session.clone());
    std::thread::Builder::new().name("input".into()).spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if line.trim() == "/quit" {
                std::process::exit(0);
            }
            let Some(op) = parse(&line) else { continue };
            match submit(&input_state, input_session.clone(), op, None) {
                Ok(result) if result.code == Code::Ok => {}
                Ok(result) => tracing::warn!("refused: {:?} {:?}", result.code, result.winner),
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
    })?;
    follow_events(state, session, 1, true, |event| show(&mut io::stdout().lock(), event, Output::Text))
}

fn parse(line: &str) -> Option<Op> {
    let mut words = line.split_whitespace();
    Some(match words.next()? {
        "/cancel" => Op::Cancel,
        "/answer" => Op::AnswerPermission {
            permission: words.next()?.to_owned(),
            option: words.next().map(str::to_owned),
        },
        _ => Op::Prompt { blocks: vec![mc_acp::outgoing::text_block(line)] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_commands() {
        assert_eq!(parse("  "), None);
        assert_eq!(parse("/cancel"), Some(Op::Cancel));
        let answer = Op::AnswerPermission { permission: "p-1-9".into(), option: Some("allow".into()) };
        assert_eq!(parse("/answer p-1-9 allow"), Some(answer));
        assert!(matches!(parse("/say hello"), Some(Op::Prompt { .. })));
    }
}
