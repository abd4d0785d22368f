//! The book of prompts from the command line to the database and back. No PBX is asked.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{f32::consts::TAU, fs, path::PathBuf};

use serde_json::Value;

use crate::{fake::Settings, program::Program};

#[tokio::test]
async fn a_recording_is_learnt_labelled_exported_and_forgotten() {
    let program = Program::new(Settings::default()).await;
    let wav = recording(&program, "line.wav");
    let path = wav.display().to_string();
    let learnt = program
        .run(&[
            "prompts", "learn", &path, "--ends", "menu", "--label", "support",
        ])
        .await;
    assert_eq!(
        (learnt.status, learnt.stdout.as_str()),
        (
            Some(0),
            "1 prompts learnt, 0 heard again; 0 calls taught nothing\n"
        ),
        "{learnt:?}"
    );
    let one = own(&program).await;
    assert_eq!(one.len(), 1, "{one:?}");
    assert_eq!(one[0]["ends"], "menu");
    assert_eq!(one[0]["label"], "support");
    assert_eq!(one[0]["in_use"], true);
    let id = one[0]["prompt"].to_string();

    let label = program
        .run(&["prompts", "label", &id, "--ends", "full"])
        .await;
    assert_eq!(
        label.stdout,
        format!("prompt {id}: full; in use\n"),
        "{label:?}"
    );
    let wrong = program
        .run(&["prompts", "label", &id, "--ends", "never"])
        .await;
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
    let shown = program
        .run(&["prompts", "show", &id, "--picture", "one.svg"])
        .await;
    assert_eq!(shown.status, Some(0), "{shown:?}");
    let picture = fs::read_to_string(program.path("one.svg")).unwrap();
    assert!(
        picture.contains("full") && picture.matches("<rect").count() > 100,
        "{picture}"
    );

    // Only fingerprints travel, and they mean the same elsewhere.
    let exported = program
        .run(&["prompts", "export", "--to", "book.jsonl"])
        .await;
    assert_eq!(exported.status, Some(0), "{exported:?}");
    let file = program.path("book.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let keys: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = keys.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["ends", "label", "prints"]);
    let other = Program::new(Settings::default()).await;
    let path = file.display().to_string();
    for words in [
        "1 prompts added; 0 were there\n",
        "0 prompts added; 1 were there\n",
    ] {
        let imported = other.run(&["prompts", "import", &path]).await;
        assert_eq!(imported.stdout, words, "{imported:?}");
    }
    let there = own(&other).await;
    assert_eq!(
        (&there[0]["ends"], &there[0]["in_use"]),
        (&"full".into(), &true.into())
    );

    let forgotten = program.run(&["prompts", "forget", &id]).await;
    assert_eq!(forgotten.status, Some(0), "{forgotten:?}");
    assert!(own(&program).await.is_empty());
    let again = program.run(&["prompts", "forget", &id]).await;
    assert_eq!(again.status, Some(2), "{again:?}");
    assert!(
        again.stderr.contains("hint: `aftertone prompts list`"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_prompt_of_the_program_is_listed_and_can_be_put_out_of_use() {
    let program = Program::new(Settings::default()).await;
    let first = all(&program).await.remove(0);
    assert_eq!(first["prompt"], 1_000_000);
    assert_eq!(
        (&first["origin"], &first["in_use"]),
        (&"shipped".into(), &true.into())
    );
    let forgotten = program.run(&["prompts", "forget", "1000000"]).await;
    assert_eq!(forgotten.status, Some(0), "{forgotten:?}");
    let after = all(&program).await;
    let of = |prompt: &Value| prompt["prompt"] == 1_000_000;
    assert_eq!(
        after.iter().find(|prompt| of(prompt)).unwrap()["in_use"],
        false
    );
    assert_eq!(after.iter().filter(|prompt| of(prompt)).count(), 1);
}

#[tokio::test]
async fn what_is_no_evidence_and_no_export_is_said() {
    let program = Program::new(Settings::default()).await;
    let wav = recording(&program, "line.wav").display().to_string();
    let learnt = program.run(&["prompts", "learn", &wav]).await;
    assert_eq!(learnt.status, Some(2), "{learnt:?}");
    assert!(
        learnt.stderr.contains("hint: say how a recording ends"),
        "{learnt:?}"
    );
    fs::write(program.path("bad.jsonl"), "{}\n").unwrap();
    let imported = program.run(&["prompts", "import", "bad.jsonl"]).await;
    assert_eq!(imported.status, Some(2), "{imported:?}");
    assert!(
        imported.stderr.contains("line 1 is not a prompt"),
        "{imported:?}"
    );
}

async fn all(program: &Program) -> Vec<Value> {
    let listed = program.run(&["prompts", "list", "--json"]).await;
    assert_eq!(listed.status, Some(0), "{listed:?}");
    let lines = listed.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Without those that come with the program.
async fn own(program: &Program) -> Vec<Value> {
    let mut prompts = all(program).await;
    prompts.retain(|prompt| prompt["origin"] != "shipped");
    prompts
}

/// Five seconds of gliding harmonics.
pub(crate) fn recording(program: &Program, name: &str) -> PathBuf {
    let path = program.path(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    let mut phase = 0.0_f32;
    for n in 0..40_000 {
        let t = n as f32 / 8_000.0;
        phase += (150.0 + 60.0 * (2.3 * t).sin() + 40.0 * (7.1 * t).sin()) / 8_000.0;
        let formant = 900.0 + 700.0 * (3.7 * t).sin();
        let voice = |h: i32| {
            let apart = (h as f32 * 150.0 - formant) / 200.0;
            (TAU * phase * h as f32).sin() / (1.0 + apart * apart)
        };
        let swell = (TAU * 2.1 * t).sin().abs();
        let sample = 6_000.0 * swell * (1..20).map(voice).sum::<f32>();
        wav.write_sample(sample as i16).unwrap();
    }
    wav.finalize().unwrap();
    path
}
