//! What a call teaches the book of prompts.

use super::*;

#[tokio::test]
async fn a_mailbox_teaches_its_greeting_which_goes_with_its_number() {
    let program = listening(mailbox()).await;
    let ended = run(&program).await;
    assert_delivered(&program, "a mailbox", &ended);
    let one = learnt(&program).await;
    assert_eq!(one.len(), 1, "{one:?}\n{}", ended.stderr);
    assert_eq!(one[0]["ends"], "records");
    assert_eq!(one[0]["calls"], 1, "{one:?}");
    // One number alone has played it.
    assert_eq!(one[0]["in_use"], false);
    assert!(one[0]["beep_ms"].as_u64().unwrap() > 1_000, "{one:?}");
    let erased = program.run(&["contact", "erase", NUMBER, "--yes"]).await;
    assert_eq!(erased.status, Some(0), "{erased:?}");
    assert!(erased.stdout.contains(", 1 prompt;"), "{erased:?}");
    assert_eq!(learnt(&program).await, [] as [Value; 0]);
}

#[tokio::test]
async fn nothing_is_learnt_if_the_book_is_off() {
    let program = listening(mailbox()).await;
    let mut command = listening_program(&program);
    command.env("AFTERTONE__SCREEN__BOOK", "false");
    let ended = wait(command.spawn().unwrap()).await;
    assert_delivered(&program, "a mailbox", &ended);
    assert_eq!(learnt(&program).await, [] as [Value; 0]);
}

async fn learnt(program: &Program) -> Vec<Value> {
    let listed = program.run(&["prompts", "list", "--json"]).await;
    let lines = listed.stdout.lines();
    let all = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|prompt| prompt["origin"] == "learnt").collect()
}
