use proptest::prelude::*;
use serde_json::json;

use super::*;

fn one(line: &str) -> Command {
    parse(line).remove(0).unwrap()
}

fn refusal(line: &str) -> String {
    parse(line).remove(0).unwrap_err().to_string()
}

#[test]
fn commands_keep_their_order_and_other_lines_are_passed_over() {
    let read = parse("Please:\r\n/say hello  world\r\nand then\n /say indented is text\n/exit");
    assert_eq!(read, [Ok(Command::Say("hello  world".into())), Ok(Command::Exit)]);
    assert_eq!(parse("no command\nat all"), []);
}

#[test]
fn every_command_is_read() {
    assert_eq!(one("/think"), Command::Think(String::new()));
    assert_eq!(one("/tool ls"), Command::Tool { name: "ls".into(), input: json!({}) });
    assert_eq!(one("/tool ls [1, 2]"), Command::Tool { name: "ls".into(), input: json!([1, 2]) });
    assert_eq!(one("/plan a; b;"), Command::Plan(vec!["a".into(), "b".into()]));
    assert_eq!(one("/mcp t"), Command::Mcp { name: "t".into(), arguments: Map::new(), says: true });
    assert_eq!(one("/call t"), Command::Mcp { name: "t".into(), arguments: Map::new(), says: false });
    assert_eq!(one("/update {\"a\": [1]}"), Command::Update(json!({"a": [1]})));
    assert_eq!(one("/sleep 20"), Command::Sleep(Duration::from_millis(20)));
    assert_eq!(one("/chunks 10 0"), Command::Chunks { count: 10, per_second: 0 });
    assert_eq!(one("/bigline 100"), Command::BigLine(100));
    assert_eq!(one("/stderr a b"), Command::Stderr("a b".into()));
    assert_eq!(one("/crash"), Command::Crash(None));
    assert_eq!(one("/crash 7"), Command::Crash(Some(7)));
    assert_eq!(one("/fork 3"), Command::Fork(Duration::from_secs(3)));
    assert_eq!(one("/stop refusal"), Command::Stop(StopReason::Refusal));
    assert_eq!(one("/env HOME"), Command::Env("HOME".into()));
    for (line, command) in [
        ("/garbage", Command::Garbage),
        ("/utf8split", Command::Utf8Split),
        ("/hang ", Command::Hang),
        ("/ignorecancel", Command::IgnoreCancel),
        ("/ignoreeof", Command::IgnoreEof),
        ("/cwd", Command::Cwd),
    ] {
        assert_eq!(one(line), command);
    }
}

#[test]
fn ask_takes_its_options_in_brackets() {
    let ask =
        |title: &str, options: &[Choice]| Command::Ask { title: title.into(), options: options.to_vec() };
    assert_eq!(one("/ask delete it"), ask("delete it", &Choice::DEFAULT));
    assert_eq!(one("/ask rm [x] now"), ask("rm [x] now", &Choice::DEFAULT));
    let two = [Choice::AllowAlways, Choice::RejectOnce];
    assert_eq!(one("/ask delete it [allow_always|reject]"), ask("delete it", &two));
    assert_eq!(one(r#"/ask "rm\n\u202ex""#), ask("rm\n\u{202e}x", &Choice::DEFAULT));
    assert_eq!(one(r#"/ask "rm"> it"#), ask(r#""rm"> it"#, &Choice::DEFAULT));
    assert_eq!(refusal("/ask x [maybe]"), "/ask: unknown option \"maybe\"");
    assert_eq!(refusal("/ask x []"), "/ask: no options between [ and ]");
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(refusal("/dance"), "/dance: unknown command");
    assert!(refusal("/mcp t {\"a\":}").starts_with("/mcp: not JSON: "));
    assert_eq!(refusal("/mcp t [1]"), "/mcp: the arguments of a tool are a JSON object");
    assert_eq!(refusal("/update [1]"), "/update: an update is a JSON object");
    assert!(refusal("/update").starts_with("/update: not JSON: "));
    assert_eq!(refusal("/sleep -1"), "/sleep: wants milliseconds, not \"-1\"");
    assert_eq!(refusal("/crash 256"), "/crash: wants an exit code up to 255, not \"256\"");
    assert!(refusal("/stop cancelled").starts_with("/stop: wants end_turn"));
    assert_eq!(refusal("/bigline 99999999999"), "/bigline: at most 268435456 bytes");
    assert_eq!(refusal("/sleep 18446744073709551615"), "/sleep: at most a day");
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "(/?[a-z0-9]{0,12} ?.{0,40}\n){0,5}") {
        parse(&text);
    }

    #[test]
    fn any_argument_is_read_without_panic(
        word in "(say|tool|plan|ask|mcp|update|sleep|chunks|bigline|crash|fork|stop|env|cwd)", rest in ".{0,60}",
    ) {
        parse(&format!("/{word} {rest}"));
    }
}
