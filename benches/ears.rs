//! How many live calls one core can hear.
//!
//! `cargo bench --bench ears` feeds ten minutes of speech-like sound, tones and pauses in frames of 20 ms and prints the
//! ratio to real time: each stream is one real time, so the ratio is the number of streams.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::{hint::black_box, sync::Arc, time::Instant};

use aftertone::{
    screen::{
        Ears, RATE, Settings,
        book::{Book, KnownPrompt, Matcher, Prints},
    },
    words::PromptEnd,
};

fn main() {
    let sound = sound(600);
    let mut told = 0_u64;
    let mut best = 0.0_f64;
    for _ in 0..3 {
        // A stream that has decided does less; a new one each half minute is what a busy controller hears.
        let began = Instant::now();
        for call in sound.chunks(30 * RATE) {
            let mut ears = Ears::new(Settings::default());
            for frame in call.chunks(160) {
                ears.hear(black_box(frame), &mut |_| told += 1);
            }
        }
        let took = began.elapsed().as_secs_f64();
        best = best.max(sound.len() as f64 / RATE as f64 / took);
    }
    println!("streams per core: {best:.0} (each 8 kHz, live; goal 2000)");
    println!("bytes per stream: {} (goal 65536)", Ears::BYTES);
    println!("events told: {told}");
    with_the_book(&sound);
    a_day_of_silence();
}

/// The same calls, compared with books of prompts of eight seconds beside; each book is of other sounds.
fn with_the_book(sound: &[i16]) {
    for prompts in [0, 100, 2_000, 10_000] {
        let book = Arc::new(book(prompts));
        let mut best = 0.0_f64;
        for _ in 0..3 {
            let began = Instant::now();
            for call in sound.chunks(30 * RATE) {
                let mut ears = Ears::new(Settings::default());
                let mut matcher = Matcher::new(Arc::clone(&book));
                for frame in call.chunks(160) {
                    matcher.hear(black_box(frame), &mut |news| {
                        ears.note_hint(news.hint_at(ears.now()))
                    });
                    ears.hear(frame, &mut |_| {});
                }
            }
            let took = began.elapsed().as_secs_f64();
            best = best.max(sound.len() as f64 / RATE as f64 / took);
        }
        let megabytes = book.bytes() / 1_000_000;
        println!(
            "streams per core with {prompts} prompts in the book ({megabytes} MB): {best:.0} (goal {}); bytes per stream: {}",
            if prompts == 10_000 { 1_000 } else { 2_000 },
            Ears::BYTES + Matcher::BYTES,
        );
    }
}

/// Prompts of the same sounds at other pitches, speeds and places, so that their landmarks are as common as those of voices.
fn book(prompts: usize) -> Book {
    let long = sound(300);
    let prints: Vec<_> = (0..prompts)
        .map(|nth| {
            let from = nth * 7_919 % (long.len() - 20 * RATE);
            let speed = 0.8 + 0.5 * (nth as f64 * 0.618_034).fract();
            let at = |n: usize| long[from + (n as f64 * speed) as usize];
            Prints::of(&(0..8 * RATE).map(at).collect::<Vec<_>>())
        })
        .collect();
    Book::new(prints.iter().zip(0..).map(|(prints, id)| {
        let known = KnownPrompt {
            id,
            ends: PromptEnd::Menu,
            beep: None,
        };
        (known, prints)
    }))
}

/// Nothing may grow, and nothing may slow down.
fn a_day_of_silence() {
    let mut ears = Ears::new(Settings::default());
    let hour = vec![0; 3_600 * RATE];
    let mut told = 0;
    let mut took = Vec::new();
    let before = resident();
    for _ in 0..24 {
        let began = Instant::now();
        ears.hear(&hour, &mut |_| told += 1);
        took.push(began.elapsed().as_secs_f64());
    }
    let (first, last) = (took[0], took[23]);
    println!("a day of silence: {told} event, first hour {first:.2} s, last hour {last:.2} s");
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("memory before {before} kB, after {after} kB");
    }
}

/// The memory of this process in kB, if the system reports it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Harmonics that glide, with pauses, noise, and a beep now and then.
fn sound(seconds: usize) -> Vec<i16> {
    let mut phase = 0.0_f64;
    let mut seed = 1_u32;
    (0..seconds * RATE)
        .map(|n| {
            let t = n as f64 / RATE as f64;
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(seed >> 16) - 32_768.0;
            let beep = t % 30.0 > 12.0 && t % 30.0 < 12.4;
            let pitch = if beep {
                1_000.0
            } else {
                140.0 + 40.0 * (3.0 * t).sin()
            };
            phase += pitch / RATE as f64;
            let harmonics = if beep { 1 } else { 18 };
            let voice: f64 = (1..=harmonics)
                .map(|h| (std::f64::consts::TAU * phase * f64::from(h)).sin() / f64::from(h))
                .sum();
            let loud = if beep || (t % 3.0 < 2.2 && t % 30.0 < 10.0) {
                6_000.0
            } else {
                0.0
            };
            (voice * loud * (0.6 + 0.4 * (25.0 * t).sin()) + noise * 0.003) as i16
        })
        .collect()
}
