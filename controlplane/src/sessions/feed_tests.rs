//! What a feed keeps, and what those who follow it find.

use mc_api::Timestamp;
use mc_api::id::SessionId;
use mc_api::session::SessionEvent;

use super::{Feed, Found, Frame, HANDED, KEPT, Read};

fn feed(head: i64) -> Feed {
    Feed::new(SessionId::from_uuid(uuid::Uuid::from_u128(7)), head)
}

fn frame(seq: i64, text: &str) -> Frame {
    let body = serde_json::json!({ "text": text });
    let event = SessionEvent { seq, kind: "message".to_owned(), at: Timestamp::from_micros(1), body };
    Frame::of(&event).unwrap()
}

fn push(feed: &Feed, frames: Vec<Frame>) {
    feed.push(Read { frames, is_end: false, head: 0 });
}

fn seqs(found: Found) -> Vec<i64> {
    match found {
        Found::Frames(frames) => frames.iter().map(|frame| frame.seq).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_is_three_lines_whatever_its_text() {
    let text = "a\nb\r\nc\u{2028}\u{0}: x\n\ndata: y";
    let frame = frame(7, text);
    let written = std::str::from_utf8(&frame.bytes).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 4, "{written:?}");
    assert_eq!((lines[0], lines[1], lines[3]), ("id: 7", "event: message", ""));
    let event: serde_json::Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((event["seq"].as_i64(), event["body"]["text"].as_str()), (Some(7), Some(text)));
    assert!(!written.contains('\r'), "a carriage return would end a line of the stream");
}

#[test]
fn each_follower_finds_what_comes_at_its_position() {
    let feed = feed(10);
    assert!(matches!(feed.at(10), Found::Nothing));
    assert!(matches!(feed.at(9), Found::Behind(10)), "what was before it, it does not have");
    // Positions between are records that are not published.
    push(&feed, vec![frame(12, "a"), frame(15, "b")]);
    assert_eq!(seqs(feed.at(10)), [12, 15]);
    assert_eq!(seqs(feed.at(13)), [15]);
    assert!(matches!(feed.at(16), Found::Nothing));
    assert!(matches!(feed.at(40), Found::Nothing), "from a position that is yet to come");
    feed.push(Read { frames: Vec::new(), is_end: true, head: 0 });
    assert_eq!(seqs(feed.at(10)), [12, 15], "what is left is sent before the end");
    assert!(matches!(feed.at(16), Found::End));
    feed.close();
    assert!(matches!(feed.at(16), Found::End), "the end stays the end");
}

#[test]
fn it_keeps_no_more_than_its_bound_and_says_from_where_it_is_complete() {
    let feed = feed(1);
    let text = "x".repeat(10_000);
    for seq in 1..=500 {
        push(&feed, vec![frame(seq * 2, &text)]);
        let tail = feed.tail();
        assert_eq!(tail.size, tail.frames.iter().map(|frame| frame.bytes.len()).sum::<usize>());
        assert!(tail.size <= KEPT);
    }
    let Found::Behind(covers) = feed.at(1) else { panic!("it cannot have everything") };
    let Found::Frames(frames) = feed.at(covers) else { panic!("it is complete from there on") };
    assert!(covers % 2 == 1 && frames[0].seq == covers + 1, "{covers} {}", frames[0].seq);
    assert!(frames.iter().map(|frame| frame.bytes.len()).sum::<usize>() <= HANDED, "not all of it at once");
    // A single event that is larger than all bounds is sent all the same.
    push(&feed, vec![frame(2000, &"y".repeat(2 * KEPT))]);
    assert_eq!(seqs(feed.at(1001)), [2000]);
    assert!(matches!(feed.at(1000), Found::Behind(1001)));
}

#[test]
fn a_feed_that_nobody_reads_for_lets_nobody_wait() {
    let feed = feed(1);
    let mut told = feed.subscribe();
    told.borrow_and_update();
    feed.close();
    assert!(told.has_changed().unwrap());
    assert!(matches!(feed.at(1), Found::Closed));
}
