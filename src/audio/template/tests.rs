use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fuzz::{Bytes, Target};

#[test]
fn what_has_parts_is_a_template_and_what_is_a_name_a_uri_or_a_path_is_none() {
    for (text, is_one) in [
        ("intro + outro", true),
        ("names/{first_name}", true),
        ("\"Hello.\"", true),
        ("\"", true),
        ("{x}", true),
        ("sound:hello + outro", true),
        ("spring", false),
        ("names/ann", false),
        ("sound:hello", false),
        ("memo.wav", false),
        ("./a + b.wav", false),
        ("../{x}.wav", false),
        ("/srv/{x} + y.wav", false),
        ("a+b.wav", false),
        ("", false),
    ] {
        assert_eq!(Template::is_one(text), is_one, "{text}");
    }
}

#[test]
fn a_template_is_read_and_written() {
    for (text, written) in [
        ("intro + outro", "intro + outro"),
        ("intro+outro", "intro + outro"),
        ("  intro   +outro  ", "intro + outro"),
        ("spring", "spring"),
        ("names/ann + outro", "names/ann + outro"),
        ("names/{first_name}", "names/{first_name}"),
        ("names/{ First Name | there }", "names/{First Name|there}"),
        ("names/{Prénom (2)|a-b_c}+x", "names/{Prénom (2)|a-b_c} + x"),
        ("\"Hello.\"", "\"Hello.\""),
        ("\"A + b\" + outro", "\"A + b\" + outro"),
        (
            "\"Hello {name}, on {date|Monday}.\"@en-gb",
            "\"Hello {name}, on {date|Monday}.\"@en-gb",
        ),
        ("\"{name|}!\"@en+f3 + x", "\"{name|}!\"@en+f3 + x"),
        ("\"{name}\"@en+outro", "\"{name}\"@en + outro"),
        (
            r#""say \"hi\" \\ \{x} {a|\"b\}\{c}.""#,
            r#""say \"hi\" \\ \{x} {a|\"b\}\{c}.""#,
        ),
        ("\"a } b | c\"", "\"a } b | c\""),
        ("\"{a|b|c}\"", "\"{a|b|c}\""),
    ] {
        let template: Template = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(template.to_string(), written, "{text}");
        assert_eq!(written.parse::<Template>().unwrap(), template, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_a_remedy() {
    let long = "a".repeat(4_001);
    let many = vec!["a"; 33].join(" + ");
    for (text, expected) in [
        ("", "a part is missing (at character 1 of the message)"),
        (
            "intro + ",
            "a part is missing (at character 9 of the message)",
        ),
        (
            " + outro",
            "a part is missing (at character 2 of the message)",
        ),
        (
            "a + + b",
            "a part is missing (at character 5 of the message)",
        ),
        (
            "intro outro + x",
            "expected ` + ` between parts (at character 7 of the message)",
        ),
        (
            "\"a\"b",
            "expected ` + ` between parts (at character 4 of the message)",
        ),
        (
            "a + Bad",
            "`Bad` is not a part: a message's name is 1 to 64 of the characters a-z, 0-9, `_` and `-`; a clip's has a folder of the same characters and a `/` before it (at character 5 of the message)",
        ),
        (
            "a + once-x",
            "`once-x` is not a part: names that begin with `once-` are kept for messages of single drops (at character 5 of the message)",
        ),
        (
            "a + sound:beep",
            "`sound:beep` cannot be a part: the samples of the PBX's own sounds are not known here (at character 5 of the message)",
        ),
        (
            "a + memo.WAV",
            "`memo.WAV` cannot be a part: a file has to be prepared first (at character 5 of the message)",
        ),
        (
            "a + ./memo",
            "`./memo` cannot be a part: a file has to be prepared first (at character 5 of the message)",
        ),
        (
            "a + {first_name}",
            "a column outside of quotes chooses a clip in a folder, as in `names/{first_name}` (at character 5 of the message)",
        ),
        (
            "a + names{x}",
            "a column outside of quotes chooses a clip in a folder, as in `names/{first_name}` (at character 10 of the message)",
        ),
        (
            "names/{a}-{b}",
            "a column outside of quotes chooses a clip in a folder, as in `names/{first_name}` (at character 10 of the message)",
        ),
        (
            "Names/{a}",
            "`Names` is not a part: a message's name is 1 to 64 of the characters a-z, 0-9, `_` and `-`; a clip's has a folder of the same characters and a `/` before it (at character 1 of the message)",
        ),
        (
            "names/{}",
            "between `{` and `}`, the name of a column is missing, or it is longer than 64 characters (at character 7 of the message)",
        ),
        (
            "names/{ - }",
            "between `{` and `}`, the name of a column is missing, or it is longer than 64 characters (at character 7 of the message)",
        ),
        (
            "names/{a|}",
            "after the `|`, the name of the clip is missing (at character 7 of the message)",
        ),
        (
            "names/{a|Ann}",
            "`Ann` is not a part: a message's name is 1 to 64 of the characters a-z, 0-9, `_` and `-`; a clip's has a folder of the same characters and a `/` before it (at character 7 of the message)",
        ),
        (
            "names/{a",
            "the `{` has no `}` (at character 7 of the message)",
        ),
        (
            "\"{a\"",
            "the `{` has no `}` (at character 2 of the message)",
        ),
        (
            "\"{number}\"",
            "`number` is not for speaking (at character 2 of the message)",
        ),
        (
            "\"{Consent_At}\"",
            "`Consent_At` is not for speaking (at character 2 of the message)",
        ),
        (
            "\"hello",
            "the `\"` that begins the text has none that ends it (at character 1 of the message)",
        ),
        (
            "\"a\\n\"",
            "after `\\` within a text, only `\"`, `\\`, `{` and `}` may follow (at character 4 of the message)",
        ),
        (
            "a + \"...\"",
            "the text has no words (at character 5 of the message)",
        ),
        (
            "\"a\"@",
            "after `@`, the name of a voice is 1 to 64 of the characters a-z, A-Z, 0-9, `_`, `-`, `.` and `+`, and begins with a letter or a digit (at character 5 of the message)",
        ),
        (
            "\"a\"@-v",
            "after `@`, the name of a voice is 1 to 64 of the characters a-z, A-Z, 0-9, `_`, `-`, `.` and `+`, and begins with a letter or a digit (at character 5 of the message)",
        ),
        (
            "\"a\"@en/../x",
            "expected ` + ` between parts (at character 7 of the message)",
        ),
        (
            "a +\tb",
            "it holds a control character (at character 4 of the message)",
        ),
        (
            &*long,
            "it is longer than 4000 characters (at character 4001 of the message)",
        ),
        (
            &*many,
            "it has more than 32 parts (at character 129 of the message)",
        ),
    ] {
        let error = text.parse::<Template>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn what_a_template_needs_is_known() {
    let text = "intro + names/{first_name|there} + towns/{town} + \"On {date}, {First Name|you}.\"@en + names/ann";
    let template: Template = text.parse().unwrap();
    let columns: Vec<_> = template.columns().into_iter().collect();
    assert_eq!(columns, ["First Name", "date", "first_name", "town"]);
    let required: Vec<_> = template.required_columns().into_iter().collect();
    assert_eq!(required, ["date", "town"]);
    let names: Vec<_> = template.names().map(Name::as_str).collect();
    assert_eq!(names, ["intro", "names/there", "names/ann"]);
    assert_eq!(template.folders().collect::<Vec<_>>(), ["names", "towns"]);
    assert_eq!(template.voices().collect::<Vec<_>>(), [Some("en")]);
    assert!(template.speaks());
    assert!(!"a + names/{x}".parse::<Template>().unwrap().speaks());
}

#[test]
fn a_column_becomes_a_clip_by_its_letters_in_ascii() {
    for (text, name) in [
        ("Ann", Some("ann")),
        ("José", Some("jose")),
        ("Zoë Ann ", Some("zoe-ann")),
        ("O'Brien", Some("o-brien")),
        ("Jean-Luc", Some("jean-luc")),
        ("  Ång_ström  ", Some("ang-strom")),
        ("Weiß", Some("weiss")),
        ("Łukasz", Some("lukasz")),
        ("Мария", Some("mariia")),
        ("3rd", Some("3rd")),
        ("../../etc/passwd", Some("etc-passwd")),
        ("once upon", Some("once-upon")),
        ("…", None),
        ("", None),
        ("---", None),
    ] {
        assert_eq!(clip_name(text).as_deref(), name, "{text}");
    }
    assert_eq!(clip_name(&"a".repeat(65)), None);
}

#[test]
fn a_template_is_filled_in_for_a_person() {
    let template = "intro + names/{first_name|there} + \"Your appointment is on {date}, {title|} {last_name|}.\"@en + outro";
    let said = |columns: &[(&str, &str)]| fill(template, columns).map(|filled| filled.words());
    assert_eq!(
        said(&[
            ("first_name", "José"),
            ("date", "May 3rd"),
            ("title", "Dr."),
            ("last_name", "Núñez")
        ])
        .unwrap(),
        "[intro] [names/jose] Your appointment is on May 3rd, Dr. Núñez. [outro]"
    );
    assert_eq!(
        said(&[("date", " May\n 3rd\u{7}")]).unwrap(),
        "[intro] [names/there] Your appointment is on May 3rd, . [outro]"
    );
    assert_eq!(
        said(&[("first_name", "Ann"), ("date", " ")]).unwrap_err(),
        Unfilled::Empty {
            column: "date".to_owned()
        }
    );
    let long = "x".repeat(201);
    assert_eq!(
        said(&[("date", &long)]).unwrap_err(),
        Unfilled::TooLong {
            column: "date".to_owned()
        }
    );
    // A clip that is not there has the other; one that nobody can be called by, too.
    let filled = fill("names/{n|there}", &[("n", "Ann")]).unwrap();
    assert_eq!(
        filled.parts,
        [FilledPart::Clip {
            name: "names/ann".parse().unwrap(),
            or: Some("names/there".parse().unwrap()),
        }]
    );
    let filled = fill("names/{n|there}", &[("n", "Once-more")]).unwrap();
    assert_eq!(filled.words(), "[names/there]");
    assert_eq!(
        fill("names/{n}", &[("n", "!")]).unwrap_err(),
        Unfilled::NoName {
            column: "n".to_owned()
        }
    );
    assert_eq!(
        fill("names/{n}", &[]).unwrap_err(),
        Unfilled::Empty {
            column: "n".to_owned()
        }
    );
    // A text of which nothing is left is left out.
    assert_eq!(fill("a + \"{x|},\"", &[]).unwrap().words(), "[a]");
    assert_eq!(fill("\"{x|}\"", &[]).unwrap_err(), Unfilled::Nothing);
    // What columns hold has no meaning of its own.
    let odd = fill("\"{x}\"", &[("x", "{y|z} \"+ outro\\")]).unwrap();
    assert_eq!(odd.words(), "{y|z} \"+ outro\\");
}

#[test]
fn speech_is_personal_if_a_column_is_in_it() {
    let personal = |text: &str| {
        let filled = fill(text, &[("x", "y")]).unwrap();
        match &filled.parts[0] {
            FilledPart::Speech { is_personal, .. } => *is_personal,
            other @ (FilledPart::Prepared(_) | FilledPart::Clip { .. }) => panic!("{other:?}"),
        }
    };
    assert!(personal("\"{x}\""));
    assert!(personal("\"Hello {z|you}.\""));
    assert!(!personal("\"Hello.\""));
}

#[test]
fn messages_that_differ_have_different_digests_and_show_nothing_of_a_person() {
    let digest = |text: &str| fill(text, &[("x", "Secret")]).unwrap().digest();
    let all = [
        "a + b",
        "b + a",
        "a",
        "\"a\"",
        "\"a\"@b",
        "\"a\" + \"b\"",
        "\"a b\"",
        "f/{x}",
        "f/{x|a}",
        "f/secret + a",
        "\"{x}\"",
    ];
    let digests: BTreeSet<_> = all.iter().map(|text| digest(text)).collect();
    assert_eq!(digests.len(), all.len());
    assert!(digests.iter().all(|digest| digest.len() == 32));
    assert_eq!(digest("a+b"), digest("a + b"));
    let filled = fill("a + f/{x|b} + \"Hello {x}.\"@en", &[("x", "Secret")]).unwrap();
    assert_eq!(
        format!("{filled:?}"),
        "[Prepared(a), Clip(f/…), Speech(13 characters by en)]"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(parts in prop::collection::vec(part(), 1..6)) {
        let template = Template { parts };
        prop_assert_eq!(template.to_string().parse::<Template>().unwrap(), template);
    }
}

#[test]
fn any_text_is_a_template_or_an_error_within_it() {
    let target = Target {
        name: "templates",
        inputs: 3_000,
        longest: 300,
        words: &[
            b"intro",
            b" + ",
            b"names/{",
            b"{first_name",
            b"|there}",
            b"\"Hello ",
            b"}",
            b"\"",
            b"@en",
            b"\\",
            b"sound:",
            b"+f3",
            b"/",
        ],
    };
    target.check(|input| {
        let mut bytes = Bytes(input);
        let value = char::from(bytes.byte()).to_string();
        let text = String::from_utf8_lossy(input.get(1..).unwrap_or_default());
        match text.parse::<Template>() {
            Ok(template) => {
                let written = template.to_string();
                assert_eq!(written.parse::<Template>().unwrap(), template, "{written}");
                if let Ok(filled) = template.fill(|_| Some(value.clone())) {
                    assert!(!filled.parts.is_empty());
                    assert_eq!(filled.digest().len(), 32);
                    assert!(!filled.words().contains(char::is_control));
                }
                // Nothing is needed but what is said to be.
                let required: Vec<String> = template
                    .required_columns()
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                let filled = template.fill(|column| {
                    required
                        .iter()
                        .any(|one| one == column)
                        .then(|| "x".to_owned())
                });
                assert!(
                    matches!(filled, Ok(_) | Err(Unfilled::Nothing)),
                    "{filled:?}"
                );
            }
            Err(error) => {
                assert!(
                    (1..=text.chars().count() + 1).contains(&error.at),
                    "{error}"
                );
                assert!(!error.hint().is_empty());
            }
        }
    });
}

fn fill(text: &str, columns: &[(&str, &str)]) -> Result<Filled, Unfilled> {
    let columns: BTreeMap<_, _> = columns.iter().copied().collect();
    let template: Template = text.parse().unwrap();
    template.fill(|column| columns.get(column).map(|value| (*value).to_owned()))
}

fn part() -> impl Strategy<Value = TemplatePart> {
    let name = || "[a-z0-9_-]{1,9}".prop_filter("it is kept", |text| !text.starts_with("once-"));
    let column = || {
        "[a-zA-ZéЖ_ .+-]{0,5}[a-z0-9]"
            .prop_map(|text| text.trim().to_owned())
            .prop_filter("it is not for speaking", |text| {
                !["number", "consent", "message"].contains(&plain_column(text).as_str())
            })
    };
    let clip = (name(), name()).prop_map(|(folder, base)| Name::in_folder(&folder, &base).unwrap());
    let by_column =
        (name(), column(), prop::option::of(name())).prop_map(|(folder, column, or)| {
            TemplatePart::ByColumn {
                or: or.map(|base| Name::in_folder(&folder, &base).unwrap()),
                folder,
                column,
            }
        });
    let text = "[a-z \"\\\\{}|+@é,.]{0,9}[a-z]";
    let word = (
        text,
        column(),
        prop::option::of("[a-z \"\\\\{}|+@é,.]{0,9}"),
    );
    let words = prop::collection::vec(word, 1..4).prop_map(|words| {
        let words = words
            .into_iter()
            .flat_map(|(text, column, or)| [Word::Text(text), Word::Column { column, or }]);
        words.collect::<Vec<_>>()
    });
    let voice = prop::option::of("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,9}(\\+[fm][0-9])?");
    prop_oneof![
        name().prop_map(|name| TemplatePart::Fixed(name.parse().unwrap())),
        clip.prop_map(TemplatePart::Fixed),
        by_column,
        (words, voice).prop_map(|(words, voice)| TemplatePart::Words { words, voice }),
    ]
}
